import { parseArgs } from "@std/cli/parse-args";
import { checkValues, nameList, refuseUnknown, wholeNumber } from "../experiments/terminal/flags.ts";

/** Parts of the benchmark, in the order in which they run. */
const SECTIONS = ["kernels", "steps", "steady", "scaling", "startup", "compile"] as const;

/** A part of the benchmark. */
export type Section = typeof SECTIONS[number];

/** What `deno task bench` prints for `--help`. */
export const HELP =
  `Measures kernels, training steps, steady state, scaling, start-up and compiling: contenders take turns in rounds of one
run.

  deno task bench [--only LIST] [--quick] [--rounds N] [--peers] [--pytorch FILE] [--device NAME]
                  [--json FILE] [--update]

  --only LIST      kernels, steps, steady, scaling, startup, compile, by commas; all by default
  --quick          few and small cases, few rounds: shows that everything runs, measures little
  --rounds N       turns of each contender, 8 by default (--quick: 2)
  --peers          also jax-js, TensorFlow.js and onnxruntime, which are fetched from npm; their results are checked
  --pytorch FILE   puts what bench/pytorch_peft.py wrote beside the steps
  --device NAME    swiftshader, lavapipe, browser, or part of a device's name
  --json FILE      also writes all figures as one JSON document
  --update         writes table and plots into bench/README.md (also: --readme)
  --verbose        with the warnings that Dawn has for every software device
  --help           this text`;

/** What a run of the benchmark does. */
export interface BenchOptions {
  readonly sections: readonly Section[];
  readonly isQuick: boolean;
  readonly rounds: number;
  readonly hasPeers: boolean;
  readonly pytorch?: string;
  readonly device?: string;
  readonly json?: string;
  readonly updates: boolean;
  readonly verbose: boolean;
}

/** Flags of the command. */
export const FLAGS = {
  boolean: ["quick", "peers", "update", "readme", "verbose", "help"],
  string: ["only", "rounds", "pytorch", "device", "json"],
} as const;

/**
 * The command's options, or "help". Throws a RangeError that names the nearest flag or part where a word is unknown, and
 * where a value is missing or none of its kind.
 */
export function parseArguments(args: readonly string[]): BenchOptions | "help" {
  checkValues(args, FLAGS);
  const flags = parseArgs([...args], {
    boolean: [...FLAGS.boolean],
    string: [...FLAGS.string],
    unknown: refuseUnknown(FLAGS),
  });
  if (flags.help) return "help";
  if (flags._.length > 0) throw new RangeError(`cannot use "${flags._[0]}": it belongs to no flag; see --help`);
  const isQuick = flags.quick;
  const updates = flags.update || flags.readme;
  if (updates && (isQuick || flags.only !== undefined)) {
    throw new RangeError("--update writes the figures of a whole run: leave --quick and --only out");
  }
  return {
    sections: flags.only === undefined ? SECTIONS : nameList("part", flags.only, SECTIONS),
    isQuick,
    rounds: flags.rounds === undefined ? (isQuick ? 2 : 8) : wholeNumber("rounds", flags.rounds),
    hasPeers: flags.peers,
    pytorch: flags.pytorch,
    device: flags.device,
    json: flags.json,
    updates,
    verbose: flags.verbose,
  };
}
