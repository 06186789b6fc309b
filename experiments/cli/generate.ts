// deno task generate --out DIR [--seed N]
import { dirname } from "node:path";
import { parseArgs } from "@std/cli/parse-args";
import { lockFolder } from "../../lib/experiment/records/lock.ts";
import { isFile } from "../../lib/io/is_file.ts";
import { writeAtomically } from "../../lib/io/mod.ts";
import { checkValues, refuseUnknown, wholeNumber } from "../terminal/flags.ts";
import { runCommand } from "../terminal/run_command.ts";
import { generateSuite, SUITE_SEED, suiteVocabulary } from "../suite/mod.ts";

/** What `--help` prints. */
export const HELP = `Writes the suite's tasks in GLUE's own folders and files, and the vocabulary of its encoder.

  deno task generate --out DIR [--seed N]

  --out DIR    where the tasks go
  --overwrite  writes over files of tasks in --out, which is refused else
  --seed N     of the generator, ${SUITE_SEED} by default
  --help       this text`;

/** Flags of the command. */
export const FLAGS = { boolean: ["overwrite", "help"], string: ["out", "seed"] } as const;

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
  using _lock = await lockFolder(out, { within: [...new Set(files.map(([name]) => dirname(name)))] });
  for (const [name] of files) {
    if (flags.overwrite || !await isFile(`${out}/${name}`)) continue;
    throw new RangeError(
      `cannot write into ${out} as ${name} is there: --overwrite writes over it, or choose another folder with --out`,
    );
  }
  for (const [name, text] of files) {
    const path = `${out}/${name}`;
    await Deno.mkdir(dirname(path), { recursive: true });
    await writeAtomically(path, text);
  }
}

if (import.meta.main) await runCommand("generate", main);
