// deno task fuzz programs [--programs N] [--seed S] [--seconds T] [--device NAME] [--keep]; deno task fuzz faults
import { parseArgs } from "@std/cli/parse-args";
import { fail } from "../../experiments/terminal/fail.ts";
import { checkValues, positive, refuseUnknown, wholeNumber } from "../../experiments/terminal/flags.ts";
import { fuzzFaults } from "./faults.ts";
import { fuzz } from "./fuzz.ts";

/** What `--help` prints. */
export const HELP = `Draws programs by chance and holds what they give against float64.

  deno task fuzz programs [flags]
  deno task fuzz faults [--programs N]   puts faults that were mended back into a copy: each must be found

Each program is a graph over all operations of the library, with derivatives, checkpoints and rules of its own, eager or
compiled, donated, in several steps. It fails where a result is not what float64 gives with every step rounded to f32,
where two ways to run it differ in a bit, or where it throws. What fails is made as small as it goes, and printed as a
few lines of TypeScript and as JSON.

  --programs N    so many programs, 400 by default
  --seed S        the number of the first program, 0 by default; the same number gives the same program
  --seconds T     ends after so many seconds, whatever is left
  --device NAME   swiftshader, lavapipe, browser, or part of a device's name
  --first         ends with the first that fails, which is not made smaller
  --keep          writes what fails to tests/fixtures/programs/, where a test runs it from then on
  --help          this text`;

/** Flags of the command. */
export const FLAGS = {
  boolean: ["help", "keep", "first"],
  string: ["programs", "seed", "seconds", "device"],
} as const;

async function main(): Promise<number> {
  checkValues(Deno.args, FLAGS);
  const flags = parseArgs(Deno.args, {
    ...FLAGS,
    default: { programs: "400", seed: "0" },
    unknown: refuseUnknown(FLAGS),
  });
  if (flags.help) {
    console.log(HELP);
    return 0;
  }
  const [what, ...rest] = flags._;
  const isKnown = what === "programs" || what === "faults";
  if (!isKnown || rest.length > 0) throw new RangeError("say what: deno task fuzz programs; see --help");
  if (what === "faults") return await fuzzFaults(wholeNumber("programs", flags.programs)) > 0 ? 1 : 0;
  const { failed } = await fuzz({
    programs: wholeNumber("programs", flags.programs),
    seed: wholeNumber("seed", flags.seed, 0),
    seconds: flags.seconds === undefined ? undefined : positive("seconds", flags.seconds),
    device: flags.device,
    keeps: flags.keep,
    endsWithFirst: flags.first,
  });
  return failed > 0 ? 1 : 0;
}

// Deno's and Dawn's threads end with the process.
if (import.meta.main) Deno.exit(await main().catch((error) => fail("fuzz", error)));
