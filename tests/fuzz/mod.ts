// deno task fuzz programs [--programs N] [--seed S] [--seconds T] [--device NAME] [--keep]; deno task fuzz faults
import { fail } from "../../experiments/terminal/fail.ts";
import { COMMON, type FlagTable } from "../../experiments/terminal/flag_table.ts";
import { flagHelp, readFlagsAndWords } from "../../experiments/terminal/read_flags.ts";
import { fuzzFaults } from "./faults.ts";
import { fuzz } from "./fuzz.ts";

/** Flags of the command. */
export const FLAGS = {
  programs: { takes: "integer", value: "N", help: "so many programs, 400 by default" },
  seed: {
    takes: "integer",
    value: "S",
    least: 0,
    help: "the number of the first program, 0 by default; the same number gives the same program",
  },
  seconds: { takes: "positive", value: "T", help: "ends after so many seconds, whatever is left" },
  device: COMMON.device,
  first: { takes: "nothing", help: "ends with the first that fails, which is not made smaller" },
  keep: {
    takes: "nothing",
    help: "writes what fails to tests/fixtures/programs/, where a test runs it from then on",
  },
  help: COMMON.help,
} as const satisfies FlagTable;

/** What `--help` prints. */
export const HELP = `Draws programs by chance and holds what they give against float64.

  deno task fuzz programs [flags]
  deno task fuzz faults [--programs N]   puts faults that were mended back into a copy: each must be found

Each program is a graph over all operations of the library, with derivatives, checkpoints, rules of its own, vmap and
scan, eager or compiled, donated, in several steps. It fails where a result is not what float64 gives with every step rounded to f32,
where two ways to run it differ in a bit, or where it throws. What fails is made as small as it goes, and printed as a
few lines of TypeScript and as JSON.

${flagHelp(FLAGS)}`;

async function main(): Promise<number> {
  const { flags, words: [what, ...rest] } = readFlagsAndWords(Deno.args, FLAGS);
  if (flags.help) {
    console.log(HELP);
    return 0;
  }
  const isKnown = what === "programs" || what === "faults";
  if (!isKnown || rest.length > 0) throw new RangeError("say what: deno task fuzz programs; see --help");
  const { programs = 400, seed = 0, seconds, device, keep: keeps, first: endsWithFirst } = flags;
  if (what === "faults") return await fuzzFaults(programs) > 0 ? 1 : 0;
  const { failed } = await fuzz({ programs, seed, seconds, device, keeps, endsWithFirst });
  return failed > 0 ? 1 : 0;
}

// Deno's and Dawn's threads end with the process.
if (import.meta.main) Deno.exit(await main().catch((error) => fail("fuzz", error)));
