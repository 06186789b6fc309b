// deno task generate --out DIR [--seed N]
import { parseArgs } from "@std/cli/parse-args";
import { writeAtomically } from "../../lib/io/mod.ts";
import { checkValues, refuseUnknown, wholeNumber } from "../terminal/flags.ts";
import { runCommand } from "../terminal/run_command.ts";
import { generateSuite, SUITE_SEED, suiteVocabulary } from "../suite/mod.ts";

/** What `--help` prints. */
export const HELP = `Writes the suite's tasks in GLUE's own folders and files, and the vocabulary of its encoder.

  deno task generate --out DIR [--seed N]

  --out DIR  where the tasks go
  --seed N   of the generator, ${SUITE_SEED} by default
  --help     this text`;

/** Flags of the command. */
export const FLAGS = { boolean: ["help"], string: ["out", "seed"] } as const;

async function main(): Promise<void> {
  checkValues(Deno.args, FLAGS);
  const flags = parseArgs(Deno.args, {
    ...FLAGS,
    default: { seed: String(SUITE_SEED) },
    unknown: refuseUnknown(FLAGS),
  });
  if (flags.help) return console.log(HELP);
  if (flags._.length > 0) throw new RangeError(`unexpected argument "${flags._[0]}": see --help`);
  const { out } = flags;
  const seed = wholeNumber("seed", flags.seed, 0);
  if (out === undefined) throw new RangeError("needs --out DIR: see --help");
  const files = [...generateSuite(seed), ["vocab.txt", `${suiteVocabulary().join("\n")}\n`] as const];
  for (const [name, text] of files) {
    const path = `${out}/${name}`;
    try {
      await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    } catch (error) {
      throw new Error(`cannot write into ${out}: ${(error as Error).message}: choose another folder with --out`);
    }
    await writeAtomically(path, text);
  }
}

if (import.meta.main) await runCommand("generate", main);
