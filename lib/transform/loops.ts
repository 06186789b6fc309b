import "../ops/methods.ts"; // derivatives are written with them
import { add } from "../ops/arithmetic.ts";
import { zeros } from "../ops/full.ts";
import { groupPrimitive } from "../ops/identity.ts";
import { type Carried, Loop } from "../ops/loop.ts";
import { describeNodes, paramsOf } from "../ops/primitive.ts";
import { type DType, isFloat } from "../tensor/dtype.ts";
import type { Shape } from "../tensor/shape.ts";
import { idOf, makeTensor, stateOf, type Tensor } from "../tensor/tensor.ts";
import { makeGroup } from "./custom_vjp.ts";
import { pullBack, record } from "./differentiate.ts";

/** A tensor of an input, and what stands for it, or for a row of it, in a loop's body. */
export interface Input {
  readonly standIn: Tensor;
  readonly value: Tensor;
}

/** What a loop carries: its first value, where that is not zeros, and the next one. */
export interface CarriedInput extends Omit<Carried, "isGiven"> {
  readonly value: Tensor | undefined;
}

/** A loop as it is described and on what it runs. */
export interface LoopRun {
  readonly length: number;
  readonly isReversed: boolean;
  readonly carry: readonly CarriedInput[];
  /** What is taken row by row. */
  readonly rows: readonly Input[];
  /** What stands for other tensors that all turns take, as far as it is not those themselves. */
  readonly captured: readonly Input[];
  /** What each turn adds a row of to a result. */
  readonly stacked: readonly Tensor[];
  /** Tensors older than this were made outside of the body. */
  readonly firstId: number;
}

/** A loop that may run on several inputs; the last of what it stacks is what each turn took. */
interface Described {
  readonly loop: Loop;
  readonly firstId: number;
}

/** What stands in a body for a tensor of this shape. */
export function standIn(shape: Shape, dtype: DType): Tensor {
  return makeTensor(shape, dtype, { kind: "argument", index: 0 });
}

/** What a body's results are made of: stand-ins that it takes, and tensors from outside, in order of creation. */
function takenBy(
  outputs: readonly Tensor[],
  standIns: ReadonlySet<Tensor>,
  firstId: number,
): { readonly taken: ReadonlySet<Tensor>; readonly outside: readonly Tensor[] } {
  const taken = new Set<Tensor>();
  const outside = new Set<Tensor>();
  const seen = new Set<Tensor>();
  const stack = [...outputs];
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    const state = stateOf(node);
    if (standIns.has(node)) taken.add(node);
    else if (idOf(node) < firstId || state.kind !== "node") outside.add(node);
    else {
      stack.push(...state.inputs);
      // The rule of a group takes all its outputs, also those that nobody needs.
      stack.push(...paramsOf(groupPrimitive, state)?.group.outputs ?? []);
    }
  }
  return { taken, outside: [...outside].sort((a, b) => idOf(a) - idOf(b)) };
}

/** Runs a loop: the last carry, then what it stacks, with derivatives by all that it takes. */
export function runLoop(run: LoopRun): Tensor[] {
  const { length, isReversed, carry, stacked, firstId } = run;
  const standIns = new Set([...carry, ...run.rows, ...run.captured].map(({ standIn }) => standIn));
  const { taken, outside } = takenBy([...carry.map(({ next }) => next), ...stacked], standIns, firstId);
  const rows = run.rows.filter(({ standIn }) => taken.has(standIn));
  const captured = [
    ...run.captured.filter(({ standIn }) => taken.has(standIn)),
    ...outside.map((tensor): Input => ({ standIn: tensor, value: tensor })),
  ];
  const loop = new Loop({
    length,
    isReversed,
    carry: carry.map(({ standIn, next, value }) => ({ standIn, next, isGiven: value !== undefined })),
    rows: rows.map(({ standIn }) => standIn),
    captured: captured.map(({ standIn }) => standIn),
    // Derivatives need what each turn took; nobody computes it where nobody asks for it.
    stacked: [...stacked, ...carry.map(({ standIn }) => standIn)],
  });
  const inputs = [...carry, ...rows, ...captured].flatMap(({ value }) => value ?? []);
  return resultsOf({ loop, firstId }, inputs, [...carry, ...stacked].map((_, i) => i));
}

/** Some results of a loop, which are differentiated together. */
function resultsOf(described: Described, inputs: readonly Tensor[], outputs: readonly number[]): Tensor[] {
  return makeGroup(described.loop.apply(inputs, outputs), inputs, (given, sources) => {
    const cotangents = new Map(outputs.map((output, i) => [output, given[i]]));
    return pullBackLoop(described, sources, cotangents);
  });
}

/** What a turn takes and the derivatives by it, made of stand-ins for those by what it gives. */
interface Slopes {
  /** What stands for the derivative by each tensor that the turn hands on. */
  readonly carried: ReadonlyMap<Tensor, Tensor>;
  /** What stands for that by each row that it gives, where there is one. */
  readonly stacked: readonly (Tensor | undefined)[];
  readonly by: ReadonlyMap<Tensor, Tensor>;
}

/** Differentiates a turn. `isStacked` says which of the rows that it gives have a derivative. */
function differentiateTurn({ body }: Loop, isStacked: (index: number) => boolean): Slopes {
  const { carry, rows, captured, stacked } = body;
  const slopeOf = ({ shape }: Tensor) => standIn(shape, "f32");
  const carried = new Map(
    carry.flatMap((one) => isFloat(one.standIn.dtype) ? [[one.standIn, slopeOf(one.standIn)]] : []),
  );
  const ofRows = stacked.map((row, i) => isStacked(i) ? slopeOf(row) : undefined);
  const sources = [...carry.map((one) => one.standIn), ...rows, ...captured].filter(({ dtype }) => isFloat(dtype));
  const tape = record([...carry.map(({ next }) => next), ...stacked], sources);
  const found = pullBack(tape, [...carry.map((one) => carried.get(one.standIn)), ...ofRows]);
  const by = new Map(sources.flatMap((source, i) => {
    const slope = found[i];
    return slope ? [[source, slope]] : [];
  }));
  return { carried, stacked: ofRows, by };
}

/**
 * Derivatives of a loop by its inputs: a loop in the other direction, of which each turn takes what that turn of the first
 * one took, computes it once more and carries the derivative by it; those by captured tensors are summed on the way.
 */
function pullBackLoop(
  described: Described,
  inputs: readonly Tensor[],
  cotangents: ReadonlyMap<number, Tensor | undefined>,
): (Tensor | undefined)[] {
  const { loop, firstId } = described;
  const { length, isReversed, carry, rows, captured, stacked } = loop.body;
  const ofStacked = (index: number) => cotangents.get(carry.length + index);
  const took = resultsOf(described, inputs, carry.map((_, i) => stacked.length + i));
  const { carrySlopes, slopes } = describeNodes(() => {
    const slopes = differentiateTurn(loop, (index) => ofStacked(index) !== undefined);
    const ofCarry = carry.flatMap(({ standIn: source }, i) => {
      const slope = slopes.carried.get(source);
      if (!slope) return [];
      return { source, standIn: slope, next: slopes.by.get(source) ?? zeros(source.shape), value: cotangents.get(i) };
    });
    const ofCaptured = captured.flatMap((source) => {
      const slope = slopes.by.get(source);
      if (!slope) return [];
      const sum = standIn(source.shape, "f32");
      return { source, standIn: sum, next: add(sum, slope), value: undefined };
    });
    return { slopes, carrySlopes: [...ofCarry, ...ofCaptured] };
  });
  const rowSources = rows.filter((row) => slopes.by.has(row));
  const results = runLoop({
    length,
    isReversed: !isReversed,
    carry: carrySlopes,
    rows: [
      ...rows.map((row, i) => ({ standIn: row, value: inputs[loop.inputOfRow(i)] })),
      ...carry.map(({ standIn }, i) => ({ standIn, value: took[i] })),
      ...slopes.stacked.flatMap((slope, i) => {
        const value = ofStacked(i);
        return slope && value ? { standIn: slope, value } : [];
      }),
    ],
    captured: captured.map((tensor, i) => ({ standIn: tensor, value: inputs[loop.inputOfCaptured(i)] })),
    stacked: rowSources.flatMap((row) => slopes.by.get(row) ?? []),
    firstId,
  });
  const bySource = new Map(
    [...carrySlopes.map(({ source }) => source), ...rowSources].map((source, i) => [source, results[i]]),
  );
  const given = carry.flatMap(({ standIn, isGiven }) => isGiven ? [standIn] : []);
  return [...given, ...rows, ...captured].map((source) => bySource.get(source));
}
