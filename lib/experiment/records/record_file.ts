import type * as ArrowRecord from "./arrow_record.ts";
import { writeAtomically } from "../../io/write_atomically.ts";
import { type CurvePoint, METRICS, type RunRecord, type RunResult } from "./record.ts";
import { requireSeal, seal, UNSEALED } from "./seal.ts";
import { parseSpec } from "../specs/spec.ts";
import { messageOf } from "../../text/message_of.ts";

/**
 * Loads Arrow's library, which costs more to read than all the rest of a command: who asks for help, or is refused, goes
 * without. Records are read and written by it.
 */
export function loadArrow(): Promise<typeof ArrowRecord> {
  return import("./arrow_record.ts");
}

/**
 * Writes a run's own file, whole or not at all: one row with the columns of `runs.arrow`, its curve as lists, and a
 * checksum of it all.
 *
 * Throws an Error where it cannot be written.
 *
 * @example
 * ```ts
 * import { recordPath, type RunRecord, writeRecord } from "@delta-dawn/delta-lora/experiment";
 *
 * const keep = (out: string, record: RunRecord) => writeRecord(recordPath(out, record.hash), record);
 * ```
 */
export async function writeRecord(path: string, record: RunRecord): Promise<void> {
  const { recordBytes } = await loadArrow();
  await writeAtomically(path, await seal(recordBytes(record, new Map([["checksum", UNSEALED]]))));
}

/** From the JSON of all, in which there is no NaN, and to the bit from the columns of those that have one. */
function metricsOf(row: Readonly<Record<string, unknown>>): Record<string, number> {
  const all: Record<string, number | null> = JSON.parse(String(row.metrics));
  const metrics = Object.entries(all).map(([name, value]) => [name, value ?? NaN]);
  const exact = METRICS.filter((name) => row[name] != null).map((name) => [name, Number(row[name])]);
  return Object.fromEntries([...metrics, ...exact]);
}

/** None where the table has no value, or was written before it had the column. */
const optional = <T>(value: unknown, as: (value: unknown) => T) => value == null ? undefined : as(value);

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.iterator in value;
}

/** The curve, whose numbers of one kind lie in one list. */
function curveOf(row: Readonly<Record<string, unknown>>): CurvePoint[] {
  const list = (name: keyof CurvePoint): number[] => {
    const column = row[`curve_${name}`];
    if (!isIterable(column)) throw new Error(`it has no list curve_${name}`);
    return Array.from(column, Number);
  };
  const [loss, learningRate, gradNorm, elapsedSeconds] = [
    list("loss"),
    list("learningRate"),
    list("gradNorm"),
    list("elapsedSeconds"),
  ];
  return list("step").map((step, i) => ({
    step,
    loss: loss[i],
    learningRate: learningRate[i],
    gradNorm: gradNorm[i],
    elapsedSeconds: elapsedSeconds[i],
  }));
}

function resultOf(row: Readonly<Record<string, unknown>>): RunResult {
  return {
    metrics: metricsOf(row),
    bestStep: optional(row.bestStep, Number),
    curve: curveOf(row),
    wallSeconds: Number(row.wallSeconds),
    stepsPerSecond: Number(row.stepsPerSecond),
    parallel: optional(row.parallel, Number),
    cells: optional(row.cells, Number),
    peakBytes: Number(row.peakBytes),
    trainableParameters: Number(row.trainableParameters),
    totalParameters: Number(row.totalParameters),
    writes: Number(row.writes),
    changes: optional(row.changes, (text) => JSON.parse(String(text))),
    // Older records call it `adapter`, which is the name of what PEFT saves now.
    device: String(row.device ?? row.adapter),
    kernels: String(row.kernels),
    products: optional(row.products, String),
    versions: String(row.versions),
  };
}

/**
 * The record in the bytes of a run's own file, its spec in the form of this version, under the hash of the form that it
 * had. Throws an Error where they are not those that were written.
 */
export async function parseRecord(bytes: Uint8Array): Promise<RunRecord> {
  await requireSeal(bytes);
  const row = (await loadArrow()).recordRow(bytes);
  const common = {
    hash: String(row.hash),
    spec: parseSpec(JSON.parse(String(row.spec))),
    isModified: optional(row.isModified, Boolean),
  };
  return row.status === "finished"
    ? { ...common, status: "finished", result: resultOf(row) }
    : { ...common, status: "failed", error: optional(row.error, String) };
}

/**
 * Reads a run's own file, once its checksum is checked.
 *
 * Throws an Error where it cannot be read, or is not what was written.
 *
 * @example
 * ```ts
 * import { readRecord, recordPath, scoreOf } from "@delta-dawn/delta-lora/experiment";
 *
 * const scoreOfRun = async (out: string, hash: string) => scoreOf(await readRecord(recordPath(out, hash)));
 * ```
 */
export async function readRecord(path: string): Promise<RunRecord> {
  const bytes = await Deno.readFile(path);
  try {
    return await parseRecord(bytes);
  } catch (error) {
    throw new Error(`cannot read the record ${path}: ${messageOf(error)}`, { cause: error });
  }
}
