import { type DType, tensor } from "../../../mod.ts";
import type { EncodedExamples } from "../../../lib/data/mod.ts";
import { canonicalJson, type RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { recipeNamed } from "../../recipes/methods.ts";
import { outputsOf } from "../data/read_task.ts";
import type { RunTask } from "../data/inputs.ts";
import type { RunSettings } from "./make_method.ts";
import type { PreparedTask } from "./prepare.ts";

/** The numbers in which runs of one program may differ: its step takes them as data. */
export interface CellNumbers {
  readonly learningRate: number;
  readonly weightDecay: number;
  /** Options of the method by name. */
  readonly method: Readonly<Record<string, number>>;
}

/** What trains a run: a spec whose method may be another's of the same bits, and what of it is data. */
export interface Program<Spec> {
  readonly spec: Spec;
  readonly numbers: CellNumbers;
}

/** What of a spec decides a program. */
type ProgramSource = Pick<RunSpec, "method" | "optimizer"> & { readonly adapter?: RunSpec["adapter"] };

/** A run as the program that trains it. A method that begins as its adapter has it has no options of its own. */
export function programOf<Spec extends ProgramSource>(spec: Spec): Program<Spec> {
  const { learningRate, weightDecay } = spec.optimizer;
  const { name, targets, heads, ...options } = spec.method;
  const places = { ...targets !== undefined && { targets }, ...heads !== undefined && { heads } };
  const other = spec.adapter ? undefined : recipeNamed(name).description.programOf?.(options);
  const method = other ? { ...other.options, ...places, name: other.method } : spec.method;
  const { options: schema } = recipeNamed(method.name).description;
  const isData = (option: string) => {
    const described = schema[option];
    return described !== undefined && "isData" in described && described.isData === true;
  };
  const data = Object.entries(method).filter((entry): entry is [string, number] =>
    typeof entry[1] === "number" && isData(entry[0])
  );
  return {
    spec: { ...spec, method },
    numbers: { learningRate, weightDecay, method: Object.fromEntries(data) },
  };
}

/** Parts of a signature, in the order in which differences are told. */
const PARTS = [
  "method",
  "kind of task",
  "length",
  "batch size",
  "steps",
  "model",
  "optimizer",
  "scoring",
  "batches in buckets",
  "adapter",
] as const;

/** Parts of a signature by name. */
type Signature = Readonly<Record<typeof PARTS[number], unknown>>;

/** What runs have in common that share a program. Batches in buckets have lengths that data, their order and the seed decide. */
function signatureParts(run: RunSpec, task: unknown): Signature {
  const { spec, numbers } = programOf(run);
  const { model, optimizer, adapter, data, seed, order, scores, padding } = spec;
  const { learningRate: _, weightDecay: __, ...rule } = optimizer;
  const { accumulate, batchSize, steps, scoreBatchSize, checkpoint, evaluateEvery } = spec;
  const method = Object.fromEntries(
    Object.entries(spec.method).filter(([name]) => !Object.hasOwn(numbers.method, name)),
  );
  return {
    method: { ...method, with: Object.keys(numbers.method) },
    "kind of task": [spec.kind, scores, task],
    length: model.length,
    "batch size": [batchSize, accumulate],
    steps,
    model,
    optimizer: rule,
    scoring: [checkpoint, evaluateEvery, scoreBatchSize],
    "batches in buckets": padding && [padding, spec.task, data.hash, order, seed],
    adapter: adapter && [adapter, seed],
  };
}

/** A task as far as it decides a program. */
export interface SignedTask extends Pick<RunTask, "padding"> {
  readonly task: PreparedTask;
  readonly train: Pick<EncodedExamples, "length">;
  readonly sets: Readonly<Record<string, Pick<EncodedExamples, "length">>>;
}

/** What of a task decides a program: its head, and to what lengths batches are padded. */
function ofTask({ task: { kind, range, usesHead, ...task }, train, sets, padding }: SignedTask): unknown {
  const lengths = padding === undefined && [train, ...Object.values(sets)].map(({ length }) => length);
  return [usesHead, outputsOf({ kind, ...task }), kind === "regression" && range, lengths];
}

/** What decides the program of a run as a key: runs with the same one may be its cells. */
export function signatureOf(run: RunSpec, task: SignedTask): string {
  return canonicalJson(signatureParts(run, ofTask(task)));
}

/** The same where nothing is known of tasks but their names: runs of different tasks then have different keys. */
export function programKey(run: RunSpec): string {
  return canonicalJson(signatureParts(run, run.task));
}

/** In what two signatures differ: `method`, `length` …; nothing where they are the same. */
export function signatureDifference(one: string, other: string): string | undefined {
  const [a, b]: Signature[] = [JSON.parse(one), JSON.parse(other)];
  return PARTS.find((name) => canonicalJson(a[name] ?? null) !== canonicalJson(b[name] ?? null));
}

/**
 * The decay that runs share, if they do: as a number it costs no work of its own. That of SGD is always data, as its state
 * depends on it.
 */
export function sharedDecay(runs: readonly Program<ProgramSource>[]): number | undefined {
  const [{ spec: { optimizer }, numbers: { weightDecay } }] = runs;
  const isShared = optimizer.name !== "sgd" && runs.every(({ numbers }) => numbers.weightDecay === weightDecay);
  return isShared ? weightDecay : undefined;
}

/**
 * The numbers of a program's runs as data: scalars of one alone, else with an axis of cells; without a decay that is the
 * program's own.
 */
export function cellData(runs: readonly Program<ProgramSource>[], decay: number | undefined): RunSettings {
  const [{ spec: { method }, numbers }] = runs;
  const { options: schema } = recipeNamed(method.name).description;
  const all = (of: (numbers: CellNumbers) => number, dtype: DType = "f32") => {
    const values = runs.map(({ numbers }) => of(numbers));
    return tensor(values, { shape: runs.length === 1 ? [] : [runs.length], dtype });
  };
  const options = Object.keys(numbers.method).map((name) => [
    name,
    all(({ method }) => method[name], schema[name].kind === "integer" ? "i32" : "f32"),
  ]);
  return {
    learningRate: all(({ learningRate }) => learningRate),
    ...decay === undefined && { weightDecay: all(({ weightDecay }) => weightDecay) },
    method: Object.fromEntries(options),
  };
}
