import { type DType, peft, tensor } from "../../../mod.ts";
import type { EncodedExamples } from "../../../lib/data/mod.ts";
import { canonicalJson, type RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { recipeNamed } from "../../recipes/methods.ts";
import { outputsOf } from "../data/read_task.ts";
import type { RunTask } from "../data/inputs.ts";
import type { TextRunTask } from "../data/encode_texts.ts";
import { isTextKind } from "../data/text_names.ts";
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
  /** What the program's method keeps beside the trainables of a run whose own method keeps nothing. */
  readonly auxOf?: peft.GuestMethod["auxOf"];
}

/** What of a spec decides a program. */
type ProgramSource = Pick<RunSpec, "method" | "optimizer"> & { readonly adapter?: RunSpec["adapter"] };

/** A run as the program that trains it. A method that begins as its adapter has it has no options of its own. */
export function programOf<Spec extends ProgramSource>(spec: Spec): Program<Spec> {
  const { name, ...options } = spec.method;
  const programOf = spec.adapter ? undefined : recipeNamed(name).description.programOf;
  return programBy(spec, programOf && methodBy(options, programOf));
}

/** The method at whose options another one trains a run, in the same places; `undefined` where there are none. */
function methodBy(
  { targets, heads, ...options }: peft.MethodOptions,
  byOther: (options: peft.MethodOptions) => peft.MethodProgram | undefined,
): RunSpec["method"] | undefined {
  const other = byOther(options);
  const places = { ...targets !== undefined && { targets }, ...heads !== undefined && { heads } };
  return other && { ...other.options, ...places, name: other.method };
}

/** A run as a program of a method that trains it, which is its own by default. */
function programBy<Spec extends ProgramSource>(spec: Spec, method: RunSpec["method"] = spec.method): Program<Spec> {
  const { learningRate, weightDecay } = spec.optimizer;
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

/**
 * A run as a program that trains runs of other methods, too, to the bits that each has in its own one: as a guest of a method
 * that takes it in, where one does.
 */
function sharedProgramOf<Spec extends ProgramSource>(run: Spec): Program<Spec> {
  const own = programOf(run);
  if (run.adapter) return own;
  const { name, ...options } = own.spec.method;
  for (const host of peft.METHODS) {
    const guest = host.guests?.find(({ method }) => method === name);
    const method = guest && methodBy(options, (own) => {
      const taken = guest.options(own);
      return taken && { method: host.name, options: taken };
    });
    if (method) return { ...programBy(run, method), auxOf: guest.auxOf };
  }
  return own;
}

/** What of a method decides a program: all but the numbers that are data. */
function ruleOf({ spec: { method }, numbers }: Program<ProgramSource>) {
  const rule = Object.entries(method).filter(([name]) => !Object.hasOwn(numbers.method, name));
  return { ...Object.fromEntries(rule), with: Object.keys(numbers.method).sort() };
}

/** A key that programs of runs with one signature have in common where they are of one method. */
export function ruleKey(program: Program<ProgramSource>): string {
  return canonicalJson(ruleOf(program));
}

/** A key that runs have in common whose own methods differ in nothing but numbers that are data. */
export function methodKey(spec: ProgramSource): string {
  return ruleKey(programBy(spec));
}

/**
 * Runs with one signature as one program: their own, where that is the same for all, as there is less work in it than in one
 * that takes in others.
 */
export function programsOf<Spec extends ProgramSource>(runs: readonly Spec[]): Program<Spec>[] {
  const own = runs.map((run) => programOf(run));
  return new Set(own.map(ruleKey)).size === 1 ? own : runs.map((run) => sharedProgramOf(run));
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
  const program = sharedProgramOf(run);
  const { spec } = program;
  const { model, optimizer, adapter, data, seed, order, scores, padding, labelSmoothing } = spec;
  const { learningRate: _, weightDecay: __, ...rule } = optimizer;
  const { accumulate, batchSize, steps, scoreBatchSize, checkpoint, evaluateEvery } = spec;
  return {
    method: ruleOf(program),
    "kind of task": [spec.kind, scores, task, labelSmoothing ?? 0],
    length: model.length,
    "batch size": [batchSize, accumulate],
    steps,
    model,
    optimizer: rule,
    scoring: [checkpoint, evaluateEvery, scoreBatchSize, spec.decoding ?? null],
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
function ofTask({ task: { kind, range, usesHead, readout, ...task }, train, sets, padding }: SignedTask): unknown {
  const lengths = padding === undefined && [train, ...Object.values(sets)].map(({ length }) => length);
  return [usesHead, outputsOf({ kind, ...task }), kind === "regression" && range, lengths, ...readout ? [readout] : []];
}

/** What of a task of texts decides a program: how long its batches are, and how many of their tokens are asked for. */
function ofTexts({ task: { kind, hash } }: Pick<TextRunTask, "task">): unknown {
  return [kind, hash];
}

/** What decides the program of a run as a key: runs with the same one may be its cells. */
export function signatureOf(run: RunSpec, task: SignedTask | TextRunTask): string {
  return canonicalJson(signatureParts(run, isTextTask(task) ? ofTexts(task) : ofTask(task)));
}

function isTextTask(task: SignedTask | TextRunTask): task is TextRunTask {
  return isTextKind(task.task.kind);
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
