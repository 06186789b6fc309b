import type { Device } from "../../lib/device/mod.ts";
import { formatShape, sameShape } from "../../lib/tensor/shape.ts";
import type { Tensor, TypedArray } from "../../lib/tensor/mod.ts";
import { Numbers } from "../support/numbers.ts";
import { compare } from "./compare.ts";
import { differencesFault } from "./differences.ts";
import { type GraphNode, inOrder, interpret } from "./interpret.ts";
import { plainResults } from "./plain.ts";
import type { Program } from "./program.ts";
import { type Found, runProgram } from "./run.ts";
import { trialFault } from "./trials.ts";

/** What came of a program. */
export interface Verdict {
  /** What is wrong, in words; `undefined` where all is right. */
  readonly fault?: string;
  /** The kind of fault, the same for the same fault in a smaller program. */
  readonly kind?: string;
  /** Results that were looked at, and those of which no element could be held. */
  readonly outputs: number;
  readonly skipped: number;
  /** Elements that were held, and those that were not. */
  readonly held: number;
  readonly loose: number;
}

/** Runs with random rounding: a few, and more and more before a fault is called one. */
const RUNS = 4;
const MORE_RUNS = [48, 192];

const bytesOf = (data: TypedArray) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** The first element whose bits differ; NaN is NaN. */
function firstDifference(a: TypedArray, b: TypedArray): number | undefined {
  const [x, y] = [bytesOf(a), bytesOf(b)];
  if (x.length === y.length && x.every((byte, i) => byte === y[i])) return undefined;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return i;
  return undefined;
}

/** What an error says without its numbers, so that a smaller program may say the same. */
const withoutNumbers = (error: unknown) =>
  String(error).split("\n")[0].replace(/-?\d[\d.e+-]*/g, "#").replace(/\[[#, ]*\]/g, "[…]");

/** Hears of all that the device has to report, so that no other program does. */
async function drain(device: Device): Promise<void> {
  for (let waits = 0; waits < 100; waits++) {
    try {
      return await device.done();
    } catch {
      // it belongs to the program that has failed already
    }
  }
}

/** Runs a program and holds what it gives against float64, and its ways to run against each other. */
export async function check(device: Device, program: Program, seed = 1): Promise<Verdict> {
  const tally = { outputs: 0, skipped: 0, held: 0, loose: 0 };
  let wanted: Tensor[];
  let order: GraphNode[];
  let runs: Found[][];
  try {
    wanted = plainResults(program);
    order = inOrder(wanted);
    for (const trial of program.trials ?? []) {
      const fault = await trialFault(device, trial);
      if (fault) return { ...tally, fault, kind: `trial ${trial.kind}` };
    }
    runs = await runProgram(program);
    await device.done();
  } catch (error) {
    await drain(device);
    const stack = error instanceof Error ? `\n${error.stack?.split("\n").slice(1, 6).join("\n")}` : "";
    return { ...tally, fault: `it throws ${error}${stack}`, kind: `throws ${withoutNumbers(error)}` };
  }
  const exact = interpret(order);
  const noise = new Numbers(seed);
  const rounded = Array.from({ length: RUNS }, () => interpret(order, { noise }));
  const expected = (tensor: Tensor) => ({
    dtype: tensor.dtype,
    exact: exact.get(tensor)!.data,
    rounded: rounded.map((run) => run.get(tensor)!.data),
  });
  if (runs[0].length !== wanted.length) {
    return { ...tally, kind: "count", fault: `it gives ${runs[0].length} results in place of ${wanted.length}` };
  }
  for (const [i, tensor] of wanted.entries()) {
    const { tensor: got, data } = runs[0][i];
    if (got.dtype !== tensor.dtype || !sameShape(got.shape, tensor.shape)) {
      return { ...tally, kind: "shape", fault: `result ${i} is ${got} and should be ${tensor}` };
    }
    let comparison = compare(data, expected(tensor));
    for (const runs of MORE_RUNS) {
      if (!comparison.fault) break;
      while (rounded.length < runs) rounded.push(interpret(order, { noise }));
      comparison = compare(data, expected(tensor));
    }
    const { held, loose, fault } = comparison;
    if (fault) {
      const { position, got, wanted, within } = fault;
      const where = `element ${position} of result ${i}, ${tensor.dtype} ${formatShape(tensor.shape)}`;
      return { ...tally, kind: "value", fault: `${where}, is ${got} and should be ${wanted} within ${within}` };
    }
    tally.outputs++;
    tally.held += held;
    tally.loose += loose;
    if (held === 0 && loose > 0) tally.skipped++;
  }
  const fault = differencesFault(program, noise);
  if (fault) return { ...tally, kind: "derivative", fault };
  for (const [k, run] of runs.entries()) {
    for (const [i, { data }] of run.entries()) {
      const position = firstDifference(runs[0][i].data, data);
      if (position === undefined) continue;
      const [first, other] = [runs[0][i].data[position], data[position]];
      return {
        ...tally,
        kind: "bits",
        fault: `element ${position} of result ${i} is ${first} in run 0 and ${other} in run ${k}`,
      };
    }
  }
  return tally;
}
