import { sha256 } from "../../io/sha256.ts";
import { keysOf } from "../../text/keys_of.ts";
import { readE2e } from "./e2e.ts";
import { FILE_SPLITS, findSplits, type SplitFiles, type SplitName, type SplitPlaces } from "./split_files.ts";
import type { GenerationSplit } from "./text_pairs.ts";
import { readWebnlg } from "./webnlg.ts";
import { readXsum, readXsumParts } from "./xsum.ts";

/** Name of a generation task. */
export type GenerationTaskName = "e2e" | "webnlg" | "xsum";

/** A generation task's splits, as far as they are there. */
export interface GenerationData {
  /** Which task it is. */
  readonly name: GenerationTaskName;
  /** Splits by name. `unknown` has the articles of XSum's part of which nobody knows where they belong. */
  readonly splits: Readonly<Partial<Record<SplitName, GenerationSplit>>>;
  /** Hex sha-256 of the task's name and of its splits, with the order of their pairs: the same for every layout of them. */
  readonly hash: string;
  /** Paths of the files that were read. */
  readonly files: readonly string[];
}

interface TaskFiles extends SplitPlaces {
  readonly read: (files: readonly string[], layout: SplitFiles["layout"]) => Promise<GenerationSplit>;
}

/** Folders of a task: under its own name, under the hub's, and the folder itself. */
const foldersOf = (
  ...names: readonly string[]
): string[] => [...names.flatMap((name) => [name, `${name}/data`]), "", "data"];

const TASKS: Readonly<Record<GenerationTaskName, TaskFiles>> = {
  e2e: {
    folders: foldersOf("e2e", "e2e_nlg"),
    release: { train: ["trainset.csv"], dev: ["devset.csv"], test: ["testset_w_refs.csv"] },
    read: readE2e,
  },
  webnlg: {
    folders: foldersOf("webnlg2017", "webnlg", "web_nlg/webnlg_challenge_2017", "webnlg_challenge_2017"),
    release: { train: ["train.json"], dev: ["dev.json"], test: ["test.json"] },
    read: readWebnlg,
  },
  xsum: { folders: foldersOf("xsum"), release: {}, read: readXsum },
};

/** Names of the generation tasks, in the order of the paper's tables. */
export const GENERATION_TASKS: readonly GenerationTaskName[] = keysOf(TASKS);

/** A part of XSum's articles in one file, of several splits. */
const XSUM_PART: SplitPlaces = {
  folders: TASKS.xsum.folders,
  release: { test: ["xsum_partial.jsonl"] },
};

const SPLIT_ORDER: readonly SplitName[] = [...FILE_SPLITS, "unknown"];

/** Hex sha-256 of a task's name and of its splits: what {@linkcode GenerationData} has as its hash. */
export async function hashSplits(name: GenerationTaskName, splits: GenerationData["splits"]): Promise<string> {
  // Whatever order splits come in; a training depends on the order of pairs, and a score on the groups.
  const content = SPLIT_ORDER.map((split) => [split, splits[split]?.pairs, splits[split]?.groups]);
  return await sha256(JSON.stringify([name, content]));
}

async function readSplits(dir: string, name: GenerationTaskName): Promise<Omit<GenerationData, "name" | "hash">> {
  const part = name === "xsum" ? (await findSplits(dir, XSUM_PART)) : undefined;
  if (part?.layout === "release" && part.files.test) {
    return { splits: await readXsumParts(part.files.test[0]), files: part.files.test };
  }
  const found = await findSplits(dir, TASKS[name]);
  if (!found) {
    const places = TASKS[name].folders.filter((folder) => folder !== "").map((folder) => `${dir}/${folder}`);
    throw new Error(`Cannot read task ${name} as there are none of its files in ${dir}, nor in ${places.join(", ")}`);
  }
  const splits: Partial<Record<SplitName, GenerationSplit>> = {};
  for (const split of FILE_SPLITS) {
    const files = found.files[split];
    if (files) splits[split] = await TASKS[name].read(files, found.layout);
  }
  return { splits, files: Object.values(found.files).flat() };
}

/**
 * Reads the splits of a generation task that a folder has. Under the names and columns of their first release, plain or
 * gzipped: E2E's `e2e/trainset.csv`, `devset.csv` and `testset_w_refs.csv`, WebNLG 2017's `webnlg2017/train.json`,
 * `dev.json` and `test.json`, and XSum's part `xsum/xsum_partial.jsonl`. Under those of Hugging Face's hub:
 * `train-*.parquet`, `validation-*.parquet`, `test-*.parquet`, or such files of CSV and JSON lines, in `e2e_nlg`,
 * `web_nlg/webnlg_challenge_2017` and `xsum`, with or without `data/`.
 *
 * Sources are linearised as the LoRA paper's code does ({@linkcode linearizeMeaning}, {@linkcode linearizeTriples}).
 * WebNLG's references are those that are marked good; an entry without any is left out. It needs the right to read
 * `dir`.
 *
 * Throws an Error where no file is there or one is not whole, and a SyntaxError with file and line, or file and entry,
 * where a table or JSON is malformed, or a source or reference is missing.
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * const dir = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${dir}/devset.csv`, 'mr,ref\n"name[Aromi], area[riverside]",Aromi is by the river.\n');
 * const { splits } = await data.readGenerationTask(dir, "e2e");
 * console.log(splits.dev?.pairs[0].source); // name : Aromi | area : riverside
 * await Deno.remove(dir, { recursive: true });
 * ```
 */
export async function readGenerationTask(dir: string, name: GenerationTaskName): Promise<GenerationData> {
  const { splits, files } = await readSplits(dir, name);
  return { name, splits, files, hash: await hashSplits(name, splits) };
}
