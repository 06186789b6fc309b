import type { TaskSource } from "./data/raw_task.ts";
import { outputsOf, readTask, type TuningTask } from "./data/read_task.ts";
import { type Head, usedHead } from "./heads/head.ts";
import { type Adapted, plain, withAdapter } from "./model/adapted.ts";
import { isOwnModel, type LoadedModel, loadModel, type StoredWeights } from "./model/load_model.ts";
import { ownModelFiles } from "./model/own_model.ts";

/** What a classifier is made of beside its model, and what it is asked. */
export interface OpenClassifierOptions {
  /** The folder of an adapter in PEFT's format; the model answers as it is where there is none. */
  readonly adapter?: string;
  /** What the head's classes are called in the data, with commas between, in place of what the files say. */
  readonly classes?: string;
  /** How matrices and tables are kept; f32 by default. */
  readonly weights?: StoredWeights;
  /** What it is scored on; its data's labels are classes of the head. */
  readonly task?: TaskSource;
}

/** A classifier that is trained. */
export interface OpenClassifier {
  readonly loaded: LoadedModel;
  readonly adapted: Adapted;
  /** The head that answers: the adapter's, where it brings one, or else the model's. */
  readonly head?: Head;
  readonly task?: TuningTask;
}

/**
 * Opens a classifier that is trained: the model of a folder, or of a module of one's own, perhaps with an adapter, and
 * what it is scored on.
 *
 * Throws an Error where files are missing or contradict each other, the adapter does not fit the model, neither has a
 * head, or the task's labels are not the head's classes.
 */
export function openClassifier(
  folder: string,
  options: OpenClassifierOptions & { readonly task: TaskSource },
): Promise<OpenClassifier & { readonly task: TuningTask }>;
export function openClassifier(folder: string, options?: OpenClassifierOptions): Promise<OpenClassifier>;
export async function openClassifier(
  folder: string,
  { adapter, classes, weights, task: source }: OpenClassifierOptions = {},
): Promise<OpenClassifier> {
  const own = isOwnModel(folder)
    ? await ownModelFiles(folder, { weights: weights === "f16" ? weights : undefined })
    : undefined;
  const head = await usedHead(own?.place ?? folder, { adapter, classes });
  const task = source && await readTask(source, { isScored: true, heads: head ? [head] : [] });
  const labels = task ? outputsOf(task) : head?.outputs;
  const loaded = own ? own.files.load({ labels, seed: 0 }) : await loadModel(folder, { labels, weights });
  const adapted = adapter === undefined ? plain(loaded) : await withAdapter(loaded, adapter);
  return { loaded, adapted, head, task };
}
