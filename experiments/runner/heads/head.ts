import { io, models, peft } from "../../../mod.ts";
import { readJsonObject } from "../../../lib/io/read_json_object.ts";
import { loadLabels } from "./label_file.ts";
import { readAdapter } from "./read_adapter.ts";
import type { LabelSet } from "./label_set.ts";

/** What the outputs of a classifier's head are, as its files say. */
export interface Head extends LabelSet {
  /** Whose it is, for messages: `the model in DIR`. */
  readonly owner: string;
  /** What calls its classes so, for messages: `id2label in DIR/config.json`. */
  readonly source: string;
  /** Number of its outputs: classes, or 1 for scores. */
  readonly outputs: number;
  /** Whether its classes have names; else they have but numbers: `LABEL_0`, or `0`. */
  readonly isNamed: boolean;
}

type Json = Readonly<Record<string, unknown>>;

/** Names of classes in their order, and who says so. */
type Names = Pick<Head, "labels" | "source">;

const isPlaceholder = (name: string, i: number) => name === String(i) || name.toUpperCase() === `LABEL_${i}`;

/** Names by number; throws where the numbers do not count from 0. */
function inOrder(entries: readonly (readonly [number: number, name: string])[], source: string): string[] {
  const sorted = entries.toSorted(([a], [b]) => a - b);
  const gap = sorted.findIndex(([number], i) => number !== i);
  if (gap >= 0) throw new RangeError(`cannot use ${source}: its classes count from 0, and none has number ${gap}`);
  return sorted.map(([, name]) => name);
}

/**
 * What a `config.json` calls its classes, by `id2label` or else by `label2id`; `undefined` where by neither.
 *
 * Throws a RangeError where they contradict each other, or number their classes otherwise than from 0.
 */
export function namesOf({ id2label, label2id }: Json, file: string): Names | undefined {
  const [byNumber, byName] = [id2label, label2id].map((one) => Object.entries((one ?? {}) as Record<string, unknown>));
  const first = `id2label in ${file}`;
  const own = inOrder(byNumber.map(([number, name]) => [Number(number), String(name)]), first);
  const second = `label2id in ${file}`;
  const other = byName.map(([name, number]) => [Number(number), name] as const);
  if (own.length === 0) return other.length === 0 ? undefined : { labels: inOrder(other, second), source: second };
  // Placeholders of either stand there when nobody wrote them.
  const isSame = (a: string | undefined, b: string) => a?.toLowerCase() === b.toLowerCase();
  const contrary = other.find(([number, name]) => !isSame(own[number], name) && !isPlaceholder(name, number));
  if (contrary && !own.every(isPlaceholder)) {
    const [number, name] = contrary;
    throw new RangeError(
      `${file} contradicts itself: label2id gives "${name}" number ${number}, and id2label calls that ` +
        (own[number] === undefined ? "nothing" : `"${own[number]}"`),
    );
  }
  return { labels: own, source: first };
}

/** What is known of a head: its size, and what its files say. */
interface Described {
  readonly owner: string;
  readonly outputs: number;
  readonly names: Names | undefined;
  /** The file that would name its classes. */
  readonly file: string;
}

function headOf({ owner, outputs, names, file }: Described): Head {
  if (names && names.labels.length !== outputs) {
    throw new RangeError(`${owner} has a head of ${outputs}, and ${names.source} names ${list(names.labels)}`);
  }
  if (outputs === 1) {
    return { owner, kind: "regression", labels: [], source: names?.source ?? file, outputs, isNamed: false };
  }
  const { labels, source } = names ?? {
    labels: Array.from({ length: outputs }, (_, i) => `LABEL_${i}`),
    source: `default, as ${file} has no id2label`,
  };
  return { owner, kind: "classes", labels, source, outputs, isNamed: !labels.every(isPlaceholder) };
}

/** A list for messages, and its beginning where it is long. */
export function list(words: readonly string[]): string {
  return words.slice(0, 12).join(", ") + (words.length > 12 ? ` and ${words.length - 12} more` : "");
}

/** What `labels.json` says, where it is there, as names. Throws a RangeError where it does not fit a head of that size. */
async function savedNames(folder: string, owner: string, outputs: number): Promise<Names | undefined> {
  const known = await loadLabels(folder);
  if (!known) return undefined;
  const source = `${folder}/labels.json`;
  if ((known.kind === "regression") !== (outputs === 1)) {
    throw new RangeError(
      `${owner} has a head of ${outputs === 1 ? "one score" : `${outputs} classes`}, and ${source} says ${known.kind}`,
    );
  }
  return known.kind === "regression" ? undefined : { labels: known.labels, source };
}

/** Where what is known of a model's head stands. */
export interface HeadPlace {
  /** Whose it is, for messages. */
  readonly owner: string;
  /** The file that would name its classes. */
  readonly file: string;
  /** What that file says, as a `config.json`. */
  readonly config: Json;
  /** The folder in which `labels.json` may lie. */
  readonly folder?: string;
  /** Name of the head's last parameter. */
  readonly last: string;
  /** Outputs of the head in the model's weights; `undefined` where they have none. */
  readonly outputs: () => Promise<number | undefined>;
}

/** Where it stands in a folder in Hugging Face's layout. */
async function placeIn(folder: string): Promise<HeadPlace> {
  const file = `${folder}/config.json`;
  const config = await readJsonObject(file);
  const last = lastOfHead(config);
  const outputs = async () => (await io.openWeights(folder)).entries.get(last)?.shape[0];
  return { owner: `the model in ${folder}`, file, config, folder, last, outputs };
}

/** A model's folder, or where what is known of its head stands. */
type Model = string | HeadPlace;

const placeOf = async (model: Model) => typeof model === "string" ? await placeIn(model) : model;

/** The name of the last parameter of a model's head. */
function lastOfHead(config: Json): string {
  const { problem_type: _, ...rest } = config;
  return models.fromConfig(rest, { head: "classification", labels: 1 }).headNames.at(-1)!;
}

/**
 * The head of a model; `undefined` where its weights have none, and one would be made afresh.
 *
 * Throws an Error where files contradict each other, or the head's problem is none that is computed here.
 */
export async function modelHead(model: Model): Promise<Head | undefined> {
  const { owner, file, config, folder, outputs: read } = await placeOf(model);
  const outputs = await read();
  if (outputs === undefined) return undefined;
  const type = config.problem_type;
  if (type === "multi_label_classification" || (type === "regression" && outputs !== 1)) {
    throw new RangeError(
      `cannot use the head of ${owner}: problem_type "${type}" with ${outputs} outputs gives a text several labels, ` +
        "and here it has one class or one score; `model.freshHead` begins with a new one",
    );
  }
  const names = namesOf(config, file);
  const saved = folder === undefined ? undefined : await savedNames(folder, owner, outputs);
  const isNamed = names !== undefined && !names.labels.every(isPlaceholder);
  if (saved && isNamed && names.labels.join("\n") !== saved.labels.join("\n")) {
    throw new RangeError(
      `${names.source} calls the classes ${list(names.labels)}, and ${saved.source} ${list(saved.labels)}: ` +
        "correct one, or remove labels.json",
    );
  }
  return headOf({ owner, outputs, names: isNamed ? names : saved ?? names, file });
}

/**
 * The head that an adapter brings for a model; `undefined` where it brings none, and the model's stays.
 * Where it has no `labels.json`, as PEFT writes none, the model's names are those of its classes if they are as many.
 *
 * Throws an Error where files are missing or contradict each other.
 */
export async function adapterHead(adapter: string, model: Model): Promise<Head | undefined> {
  const { tensors } = await readAdapter(adapter);
  const { file, config, last } = await placeOf(model);
  const outputs = tensors[`${peft.PEFT_PREFIX}${last}`]?.shape[0];
  if (outputs === undefined) return undefined;
  const owner = `the adapter in ${adapter}`;
  const saved = await savedNames(adapter, owner, outputs);
  const own = namesOf(config, file);
  return headOf({ owner, outputs, names: saved ?? (own?.labels.length === outputs ? own : undefined), file });
}

/** What is said of a head's classes in a spec: the words of its classes in its order. Throws a RangeError where they are not as many. */
export function withClasses(head: Head | undefined, classes: string | undefined): Head | undefined {
  if (classes === undefined) return head;
  const labels = classes.split(",").map((word) => word.trim());
  if (labels.length < 2 || labels.includes("") || new Set(labels).size < labels.length) {
    throw new RangeError(`\`data.classes\` names two classes or more, each once, not "${classes}"`);
  }
  const { owner = "the new head", outputs = labels.length } = head ?? {};
  if (labels.length !== outputs) {
    const own = outputs === 1 ? "one score" : `${outputs} classes`;
    throw new RangeError(`\`data.classes\` names ${labels.length} classes, and ${owner} has a head of ${own}`);
  }
  return { owner, kind: "classes", labels, source: "`data.classes`", outputs, isNamed: true };
}

/**
 * The head that answers: an adapter's, where it brings one, or else the model's, with the words that a spec has for its classes;
 * `undefined` where neither has one.
 */
export async function usedHead(
  model: Model,
  { adapter, classes }: { readonly adapter?: string; readonly classes?: string },
): Promise<Head | undefined> {
  const brought = adapter === undefined ? undefined : await adapterHead(adapter, model);
  return withClasses(brought ?? await modelHead(model), classes);
}

/**
 * The heads that a run may begin from, the one that comes first before others: the adapter's and the model's, or, where a
 * new one is asked for, none but what the spec says of it.
 */
export async function headsToTrain(
  model: Model,
  { adapter, isFresh = false, classes }: {
    readonly adapter?: string;
    readonly isFresh?: boolean;
    readonly classes?: string;
  },
): Promise<Head[]> {
  const brought = isFresh || adapter === undefined ? undefined : await adapterHead(adapter, model);
  const own = isFresh ? undefined : await modelHead(model);
  const [first, ...others] = [brought, own].filter((head) => head !== undefined);
  const named = withClasses(first, classes);
  return named ? [named, ...others] : [];
}
