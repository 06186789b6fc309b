import {
  Bool,
  type DataType,
  Field,
  Float64,
  Int32,
  List,
  Schema,
  Table,
  tableFromIPC,
  tableToIPC,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { writeAtomically } from "../io/write_atomically.ts";
import { canonicalJson, parseSpec, type RunSpec } from "./spec.ts";

/** One logged step. */
export interface CurvePoint {
  readonly step: number;
  readonly loss: number;
  readonly learningRate: number;
  readonly gradNorm: number;
  /** Seconds since the run's first step. */
  readonly elapsedSeconds: number;
}

/** What a trainer measures of a run. */
export interface RunResult {
  /** Scores by the metric's name. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly curve: readonly CurvePoint[];
  readonly wallSeconds: number;
  readonly stepsPerSecond: number;
  /** The most bytes in buffers at once. */
  readonly peakBytes: number;
  readonly trainableParameters: number;
  readonly totalParameters: number;
  /** Updates whose change the frozen weights received. */
  readonly writes: number;
  readonly adapter: string;
  /** Names of the kernels that ran. */
  readonly kernels: string;
  /** What chose the kernels of products: `heuristic`, or what was measured; records of before this was kept have none. */
  readonly products?: string;
  /** Versions of the runtime and of what computes. */
  readonly versions: string;
}

/** A run with what came of it. */
export interface RunRecord {
  readonly hash: string;
  readonly spec: RunSpec;
  readonly status: "finished" | "failed";
  /** Why a run failed. */
  readonly error?: string;
  readonly result?: RunResult;
  /** Whether the working tree differed from its commit; `undefined` outside of a repository. */
  readonly isModified?: boolean;
}

/** Metrics that have a column. */
export const METRICS = ["matthewsCorrelation", "accuracy", "f1", "pearson", "spearman"] as const;

type Column = readonly [name: string, type: DataType, nullable: boolean, value: (record: RunRecord) => unknown];

const ofSpec = (name: string, type: DataType, value: (spec: RunSpec) => unknown): Column => [
  name,
  type,
  true,
  ({ spec }) => value(spec) ?? null,
];
const ofResult = (name: string, type: DataType, value: (result: RunResult) => unknown): Column => [
  name,
  type,
  true,
  ({ result }) => result ? value(result) ?? null : null,
];

/** One row a run. Names of times end in `Seconds` or `PerSecond`, of memory in `Bytes`. */
const COLUMNS: readonly Column[] = [
  ["hash", new Utf8(), false, ({ hash }) => hash],
  ["status", new Utf8(), false, ({ status }) => status],
  ["error", new Utf8(), true, ({ error }) => error ?? null],
  ofSpec("experiment", new Utf8(), (spec) => spec.experiment),
  ofSpec("task", new Utf8(), (spec) => spec.task),
  ofSpec("method", new Utf8(), (spec) => spec.method.name),
  ofSpec("seed", new Int32(), (spec) => spec.seed),
  ofSpec("steps", new Int32(), (spec) => spec.steps),
  ofSpec("metric", new Utf8(), (spec) => spec.metric),
  ["score", new Float64(), true, (record) => scoreOf(record) ?? null],
  ...METRICS.map((name) => ofResult(name, new Float64(), ({ metrics }) => metrics[name])),
  ofResult("wallSeconds", new Float64(), (result) => result.wallSeconds),
  ofResult("stepsPerSecond", new Float64(), (result) => result.stepsPerSecond),
  ofResult("peakBytes", new Float64(), (result) => result.peakBytes),
  ofResult("trainableParameters", new Int32(), (result) => result.trainableParameters),
  ofResult("totalParameters", new Int32(), (result) => result.totalParameters),
  ofResult("writes", new Int32(), (result) => result.writes),
  ofResult("adapter", new Utf8(), (result) => result.adapter),
  ofResult("kernels", new Utf8(), (result) => result.kernels),
  ofResult("products", new Utf8(), (result) => result.products),
  ofResult("versions", new Utf8(), (result) => result.versions),
  ["isModified", new Bool(), true, ({ isModified }) => isModified ?? null],
  ["spec", new Utf8(), false, ({ spec }) => canonicalJson(spec)],
];

const list = (type: DataType) => new List(new Field("item", type, false));
const CURVE = {
  step: new Int32(),
  loss: new Float64(),
  learningRate: new Float64(),
  gradNorm: new Float64(),
  elapsedSeconds: new Float64(),
} as const;
const CURVE_COLUMNS: readonly Column[] = (Object.keys(CURVE) as (keyof typeof CURVE)[]).map((name) => [
  `curve_${name}`,
  list(CURVE[name]),
  false,
  ({ result }) => result?.curve.map((point) => point[name]) ?? [],
]);

/** The score by the metric that the spec names. */
export function scoreOf({ spec, result }: RunRecord): number | undefined {
  return result?.metrics[spec.metric];
}

function tableOf(columns: readonly Column[], records: readonly RunRecord[]): Table {
  const schema = new Schema(columns.map(([name, type, nullable]) => new Field(name, type, nullable)));
  const vectors = columns.map(([name, type, , value]) => {
    return [name, vectorFromArray(records.map(value), type)];
  });
  return new Table(schema, Object.fromEntries(vectors));
}

/** Writes a run's own file. */
export async function writeRecord(path: string, record: RunRecord): Promise<void> {
  await writeAtomically(path, tableToIPC(tableOf([...COLUMNS, ...CURVE_COLUMNS], [record]), "file"));
}

/** Reads a run's own file. Throws where it is damaged. */
export async function readRecord(path: string): Promise<RunRecord> {
  const table = tableFromIPC(await Deno.readFile(path));
  const row = table.get(0);
  if (table.numRows !== 1 || !row) throw new Error(`${path} holds ${table.numRows} runs, not one`);
  const spec = parseSpec(JSON.parse(row.spec));
  const common = { hash: row.hash, spec, isModified: row.isModified ?? undefined };
  if (row.status !== "finished") return { ...common, status: "failed", error: row.error ?? "unknown" };
  const curveOf = (name: keyof typeof CURVE): number[] => Array.from(row[`curve_${name}`]);
  const [loss, learningRate, gradNorm, elapsedSeconds] = ([
    "loss",
    "learningRate",
    "gradNorm",
    "elapsedSeconds",
  ] as const).map(curveOf);
  const metrics = METRICS.filter((name) => row[name] !== null).map((name) => [name, row[name]]);
  return {
    ...common,
    status: "finished",
    result: {
      metrics: Object.fromEntries(metrics),
      curve: curveOf("step").map((step, i) => ({
        step,
        loss: loss[i],
        learningRate: learningRate[i],
        gradNorm: gradNorm[i],
        elapsedSeconds: elapsedSeconds[i],
      })),
      wallSeconds: row.wallSeconds,
      stepsPerSecond: row.stepsPerSecond,
      peakBytes: row.peakBytes,
      trainableParameters: row.trainableParameters,
      totalParameters: row.totalParameters,
      writes: row.writes,
      adapter: row.adapter,
      kernels: row.kernels,
      products: row.products ?? undefined,
      versions: row.versions,
    },
  };
}

/** Writes the tables of all runs: `runs.arrow`, one row a run, and `curves.arrow`, one row a logged step. */
export async function writeTables(folder: string, records: readonly RunRecord[]): Promise<void> {
  await writeAtomically(`${folder}/runs.arrow`, tableToIPC(tableOf(COLUMNS, records), "file"));
  const points = records.flatMap(({ hash, spec: { task, method, seed }, result }) =>
    (result?.curve ?? []).map((point) => ({ hash, task, method: method.name, seed, ...point }))
  );
  const types = { hash: new Utf8(), task: new Utf8(), method: new Utf8(), seed: new Int32(), ...CURVE };
  const names = Object.keys(types) as (keyof typeof types)[];
  const schema = new Schema(names.map((name) => new Field(name, types[name], false)));
  const columns = names.map((name) => [name, vectorFromArray(points.map((point) => point[name]), types[name])]);
  // Columns without values have a type of their own, which is not the schema's.
  const table = points.length > 0 ? new Table(schema, Object.fromEntries(columns)) : new Table(schema);
  await writeAtomically(`${folder}/curves.arrow`, tableToIPC(table, "file"));
}
