// deno task suite --out DIR [--seed N]
import { dirname } from "node:path";
import { lockFolder } from "../../lib/experiment/records/lock.ts";
import { isFile } from "../../lib/io/is_file.ts";
import { writeAtomically } from "../../lib/io/mod.ts";
import { COMMON, type FlagTable } from "../terminal/flag_table.ts";
import { sayInFlags } from "../terminal/in_flags.ts";
import { flagHelp, readFlags } from "../terminal/read_flags.ts";
import { runCommand } from "../terminal/run_command.ts";
import { generateSuite, SUITE_SEED, suiteVocabulary } from "../suite/mod.ts";
import { textFiles } from "../suite/texts/text_files.ts";
import { learnTokenizer, tokenizerText } from "../suite/texts/tokenizer.ts";

/** Flags of the command. */
export const FLAGS = {
  out: { takes: "text", value: "DIR", path: "out", help: "where the tasks go" },
  overwrite: { takes: "nothing", help: "writes over files of tasks in --out, which is refused else" },
  seed: { takes: "integer", value: "N", least: 0, help: `of the generator, ${SUITE_SEED} by default` },
  help: COMMON.help,
} as const satisfies FlagTable;

/** What `--help` prints. */
export const HELP = `Writes the suite's tasks in GLUE's, E2E's, WebNLG's and XSum's own folders and files, the
vocabulary of its encoder, and the tokenizer of its text models.

  deno task suite --out DIR [--seed N]

${flagHelp(FLAGS)}`;

/** What decides what is written, and where it goes. */
export interface WriteSuiteOptions {
  readonly out: string | undefined;
  /** Whether files that are there are written over. */
  readonly overwrite: boolean;
  readonly seed?: number;
}

/** Writes the suite's tasks and the vocabulary. Throws a RangeError where a file is there already, or no folder is named. */
export async function writeSuite({ out, overwrite, seed = SUITE_SEED }: WriteSuiteOptions): Promise<void> {
  if (out === undefined) throw new RangeError("needs --out DIR: see --help");
  const vocabulary = ["vocab.txt", `${suiteVocabulary().join("\n")}\n`] as const;
  const tokenizer = ["tokenizer.json", tokenizerText(learnTokenizer())] as const;
  const files = [...generateSuite(seed), ...textFiles(seed), vocabulary, tokenizer];
  using _lock = await lockFolder(out, { within: [...new Set(files.map(([name]) => dirname(name)))] });
  for (const [name] of files) {
    if (overwrite || !await isFile(`${out}/${name}`)) continue;
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

async function main(): Promise<void> {
  const flags = readFlags(Deno.args, FLAGS);
  if (flags.help) return console.log(HELP);
  const { out, overwrite, seed } = flags;
  await writeSuite({ out, overwrite, seed });
}

if (import.meta.main) await runCommand("suite", main, { say: sayInFlags(FLAGS) });
