import { type FolderLock, lockFolder } from "../../lib/experiment/records/lock.ts";
import { TOKENIZER_FILES } from "../../lib/data/tokenizer/tokenizer_files.ts";
import { isFile } from "../../lib/io/is_file.ts";
import { messageOf } from "../../lib/text/message_of.ts";

/** Files that tell what a folder holds, those that tell the most first. */
const TOLD_BY: readonly (readonly [file: string, what: string])[] = [
  ["state.json", "a run of deno task train"],
  ["adapter_config.json", "an adapter"],
  ["config.json", "a model"],
  ["model.safetensors", "a model"],
  ["model.safetensors.index.json", "a model"],
  ["pytorch_model.bin", "a model"],
  ["runs.arrow", "records of deno task reproduce"],
  ["specs.json", "records of deno task reproduce"],
];

/** All that commands write beside records. */
const RESULTS: readonly string[] = [
  ...[
    "state.json",
    "state.safetensors",
    "labels.json",
    "predictions.jsonl",
    "adapter_config.json",
    "adapter_model.safetensors",
  ],
  ...["config.json", "model.safetensors", ...TOKENIZER_FILES],
];

/** What may be done with a folder that holds something. */
export interface OutFolderOptions {
  /** What is in it may go. */
  readonly overwrite?: boolean;
  /** A run that is in it goes on. */
  readonly resume?: boolean;
}

/** What a folder holds, in words; `undefined` where it is free. */
async function heldIn(folder: string): Promise<string | undefined> {
  try {
    for (const [file, what] of TOLD_BY) if (await isFile(`${folder}/${file}`)) return what;
  } catch (error) {
    throw new Error(`cannot write into ${folder}: ${messageOf(error)}`, { cause: error }); // it may not even be read
  }
}

/**
 * Throws a RangeError where a folder holds what a command would write over: a run, unless it is to be resumed, an
 * adapter, a model, or records.
 */
export async function requireFree(
  out: string,
  { overwrite = false, resume }: OutFolderOptions,
): Promise<void> {
  if (overwrite && resume) throw new RangeError("`overwrite` and `resume` exclude each other");
  if (overwrite || resume && await isFile(`${out}/state.json`)) return;
  const held = await heldIn(out);
  if (held === undefined) return;
  const ways = [
    // Only a run has something to go on with.
    ...resume === false && held === TOLD_BY[0][1] ? ["`resume` goes on with it"] : [],
    "`overwrite` writes over it",
    "or choose another folder with `out`",
  ];
  const lacks = resume ? " and no state of a run to go on with" : "";
  throw new RangeError(`cannot write into ${out} as it holds ${held}${lacks}: ${ways.join(", ")}`);
}

/**
 * Takes the right to write a result into a folder.
 *
 * Throws a RangeError where the folder holds something that is not to go ({@linkcode requireFree}), and an Error where it
 * cannot be written or another process is at work in it.
 */
export async function ownFolder(out: string, options: OutFolderOptions): Promise<FolderLock> {
  const lock = await lockFolder(out);
  try {
    await requireFree(out, options);
    return lock;
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

/** Removes what commands wrote into a folder before, so that what comes into it is of one piece. */
export async function removeResults({ folder }: FolderLock): Promise<void> {
  for (const name of RESULTS) {
    if (await isFile(`${folder}/${name}`)) await Deno.remove(`${folder}/${name}`);
  }
}

/** Throws a RangeError where a folder for records holds a run of `train`, an adapter or a model. */
async function requireForRecords(out: string): Promise<void> {
  const held = await heldIn(out);
  if (held === undefined || held.startsWith("records")) return;
  throw new RangeError(`cannot keep records in ${out} as it holds ${held}: choose another folder with \`out\``);
}

/**
 * Takes the right to write records into a folder.
 *
 * Throws a RangeError where the folder holds a run of `train`, an adapter or a model, and an Error where it cannot be
 * written or another process is at work in it.
 */
export async function ownRecords(out: string): Promise<FolderLock> {
  await requireForRecords(out);
  return await lockFolder(out);
}
