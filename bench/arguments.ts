import { COMMON, type FlagTable } from "../experiments/terminal/flag_table.ts";
import { nameList } from "../experiments/terminal/flags.ts";
import { flagHelp, readFlags } from "../experiments/terminal/read_flags.ts";

/** Parts of the benchmark, in the order in which they run. */
const SECTIONS = ["kernels", "steps", "steady", "scaling", "cells", "decoding", "startup", "compile"] as const;

/** A part of the benchmark. */
export type Section = typeof SECTIONS[number];

/** Flags of the command. */
export const FLAGS = {
  only: { takes: "text", value: "LIST", help: `${SECTIONS.join(", ")}, by commas; all by default` },
  quick: { takes: "nothing", help: "few and small cases, few rounds: shows that everything runs, measures little" },
  rounds: { takes: "integer", value: "N", help: "turns of each contender, 8 by default (--quick: 2)" },
  peers: {
    takes: "nothing",
    help: "also jax-js, TensorFlow.js and onnxruntime, which are fetched from npm; their results are checked",
  },
  pytorch: { takes: "text", value: "FILE", help: "puts what bench/pytorch_peft.py wrote beside the steps" },
  python: {
    takes: "text",
    value: "PROGRAM",
    help: "a Python with PyTorch, PEFT and transformers, which trains beside `cells` and writes beside `decoding`; " +
      "python3 by default, nothing where it cannot",
  },
  device: COMMON.device,
  json: { takes: "text", value: "FILE", help: "also writes all figures as one JSON document" },
  update: { takes: "nothing", help: "writes table and plots into bench/README.md" },
  readme: { takes: "nothing", help: "another name of --update" },
  verbose: COMMON.verbose,
  help: COMMON.help,
} as const satisfies FlagTable;

/** What `deno task bench` prints for `--help`. */
export const HELP =
  `Measures kernels, training steps, steady state, scaling, many runs in one program, decoding, start-up and compiling:
contenders take turns in rounds of one run.

  deno task bench [--only LIST] [--quick] [--rounds N] [--peers] [--pytorch FILE] [--python PROGRAM]
                  [--device NAME] [--json FILE] [--update]

${flagHelp(FLAGS)}`;

/** What a run of the benchmark does. */
export interface BenchOptions {
  readonly sections: readonly Section[];
  readonly isQuick: boolean;
  readonly rounds: number;
  readonly hasPeers: boolean;
  readonly pytorch?: string;
  readonly python: string;
  readonly device?: string;
  readonly json?: string;
  readonly updates: boolean;
  readonly verbose: boolean;
}

/**
 * The command's options, or "help". Throws a RangeError that names the nearest flag or part where a word is unknown, and
 * where a value is missing or none of its kind.
 */
export function parseArguments(args: readonly string[]): BenchOptions | "help" {
  const flags = readFlags(args, FLAGS);
  if (flags.help) return "help";
  const { quick: isQuick, rounds = isQuick ? 2 : 8 } = flags;
  const updates = flags.update || flags.readme;
  if (updates && (isQuick || flags.only !== undefined)) {
    throw new RangeError("--update writes the figures of a whole run: leave --quick and --only out");
  }
  return {
    sections: flags.only === undefined ? SECTIONS : nameList("part", flags.only, SECTIONS),
    isQuick,
    rounds,
    hasPeers: flags.peers,
    pytorch: flags.pytorch,
    python: flags.python ?? "python3",
    device: flags.device,
    json: flags.json,
    updates,
    verbose: flags.verbose,
  };
}
