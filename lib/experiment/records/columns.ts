import type { ColumnType } from "../specs/column_type.ts";
import { METHOD_OPTIONS } from "../specs/method_options.ts";
import { type CurvePoint, METRICS, type RunRecord, type RunResult, scoreOf } from "./record.ts";
import { canonicalJson } from "../specs/spec.ts";
import { isObject } from "../../text/is_object.ts";
import { keysOf } from "../../text/keys_of.ts";

/** A column of a table, and how a row's value in it is found. */
export interface Column<Row> {
  readonly name: string;
  readonly type: ColumnType;
  /** Whether a row may have no value: `null`. */
  readonly isNullable: boolean;
  readonly of: (row: Row) => unknown;
}

const IS_OF: Readonly<Record<ColumnType, (value: unknown) => boolean>> = {
  text: (value) => typeof value === "string",
  integer: (value) => typeof value === "number" && Number.isInteger(value) && Math.abs(value) < 2 ** 31,
  "large integer": (value) => Number.isSafeInteger(value),
  number: (value) => typeof value === "number",
  boolean: (value) => typeof value === "boolean",
};

/** Methods choose their options themselves: one that is not of the column's kind is left to the column `spec`. */
const fit = (type: ColumnType, value: unknown) => IS_OF[type](value) ? value : null;

function valueAt(value: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((at, key) => isObject(at) ? at[key] : undefined, value);
}

/** A part of the spec: by default, `method.rank` becomes `method_rank`. */
function part(path: string, type: ColumnType, name: string = path.replaceAll(".", "_")): Column<RunRecord> {
  return { name, type, isNullable: true, of: ({ spec }) => fit(type, valueAt(spec, path)) };
}

function measured(name: keyof RunResult, type: ColumnType): Column<RunRecord> {
  return { name, type, isNullable: true, of: ({ result }) => result?.[name] ?? null };
}

/** One row a run. Names of times end in `Seconds` or `PerSecond`, of memory in `Bytes`. */
export const RUN_COLUMNS: readonly Column<RunRecord>[] = [
  { name: "hash", type: "text", isNullable: false, of: ({ hash }) => hash },
  { name: "status", type: "text", isNullable: false, of: ({ status }) => status },
  { name: "error", type: "text", isNullable: true, of: ({ error }) => error ?? null },
  part("version", "integer"),
  part("experiment", "text"),
  part("task", "text"),
  part("kind", "text"),
  part("method.name", "text", "method"),
  part("seed", "large integer"),
  part("steps", "integer"),
  part("metric", "text"),
  { name: "score", type: "number", isNullable: true, of: (record) => scoreOf(record) ?? null },
  ...METRICS.map((name): Column<RunRecord> => ({
    name,
    type: "number",
    isNullable: true,
    of: ({ result }) => result?.metrics[name] ?? null,
  })),
  // All of them in JSON: runs of one's own may have others.
  {
    name: "metrics",
    type: "text",
    isNullable: true,
    of: ({ result }) => result ? canonicalJson(result.metrics) : null,
  },
  measured("bestStep", "integer"),
  measured("wallSeconds", "number"),
  measured("stepsPerSecond", "number"),
  measured("parallel", "integer"),
  measured("cells", "integer"),
  measured("peakBytes", "number"),
  measured("trainableParameters", "number"), // more than 2³¹ in large models
  measured("totalParameters", "number"),
  measured("writes", "integer"),
  {
    name: "changes",
    type: "text",
    isNullable: true,
    of: ({ result }) => result?.changes ? canonicalJson(result.changes) : null,
  },
  measured("device", "text"),
  measured("kernels", "text"),
  measured("products", "text"),
  measured("versions", "text"),
  { name: "isModified", type: "boolean", isNullable: true, of: ({ isModified }) => isModified ?? null },
  part("split", "text"),
  part("checkpoint", "text"),
  part("evaluateEvery", "integer"),
  part("epochs", "number"),
  part("batchSize", "integer"),
  part("accumulate", "integer"),
  part("data.source", "text"),
  part("data.hash", "text"),
  part("data.examples", "integer"),
  part("model.name", "text", "model"),
  part("model.source", "text"),
  part("model.hash", "text"),
  part("model.length", "integer"),
  part("model.dropout", "number"),
  part("model.weights", "text"),
  part("start.task", "text"),
  part("start.run", "text"),
  part("adapter.hash", "text"),
  ...Object.entries(METHOD_OPTIONS).map(([name, type]) => part(`method.${name}`, type)),
  part("optimizer.name", "text", "optimizer"),
  part("optimizer.learningRate", "number"),
  part("optimizer.schedule", "text"),
  part("optimizer.warmup", "integer"),
  part("optimizer.weightDecay", "number"),
  part("optimizer.decaysBiases", "boolean"),
  part("optimizer.momentum", "number"),
  part("optimizer.clip", "number"),
  part("scores", "text"),
  part("padding", "text"),
  part("order", "text"),
  part("packageVersion", "text"),
  { name: "spec", type: "text", isNullable: false, of: ({ spec }) => canonicalJson(spec) },
];

/** What is known of a logged step. */
export const POINT_TYPES: Readonly<Record<keyof CurvePoint, ColumnType>> = {
  step: "integer",
  loss: "number",
  learningRate: "number",
  gradNorm: "number",
  elapsedSeconds: "number",
};

/** A logged step of a run. */
export interface CurveRow {
  readonly record: RunRecord;
  readonly point: CurvePoint;
}

/** One row a logged step. */
export const CURVE_COLUMNS: readonly Column<CurveRow>[] = [
  { name: "hash", type: "text", isNullable: false, of: ({ record }) => record.hash },
  { name: "task", type: "text", isNullable: false, of: ({ record }) => record.spec.task },
  { name: "method", type: "text", isNullable: false, of: ({ record }) => record.spec.method.name },
  { name: "seed", type: "large integer", isNullable: false, of: ({ record }) => record.spec.seed },
  ...keysOf(POINT_TYPES).map((name): Column<CurveRow> => ({
    name,
    type: POINT_TYPES[name],
    isNullable: false,
    of: ({ point }) => point[name],
  })),
];
