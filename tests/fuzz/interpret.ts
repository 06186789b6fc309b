import type { ConstantParams } from "../../lib/ops/constant.ts";
import { primitiveOf, type ReferenceArray } from "../../lib/ops/primitive.ts";
import { type DType, isFloat } from "../../lib/tensor/dtype.ts";
import { idOf, inputsOf, stateOf, type Tensor, type TensorState } from "../../lib/tensor/mod.ts";
import type { Numbers } from "../support/numbers.ts";
import {
  boundOf,
  isComposite,
  isExact,
  isFactorization,
  keepsWhole,
  keepsZeroSign,
  LEAST_NORMAL,
  neighbours,
  overflow,
  roundsInside,
  UNIT,
} from "./rounding.ts";

/** Beyond these magnitudes squares and products of elements leave f32. */
const LARGE = 2 ** 60;

/** A tensor of a graph as it was before anybody computed it. */
export interface GraphNode {
  readonly tensor: Tensor;
  readonly state: TensorState;
}

/** A graph's tensors, inputs before what is made of them. */
export function inOrder(outputs: readonly Tensor[]): GraphNode[] {
  const found = new Set<Tensor>();
  const stack = [...outputs];
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (found.has(node)) continue;
    found.add(node);
    stack.push(...inputsOf(node));
  }
  // Inputs are older than what is made of them.
  return [...found].sort((a, b) => idOf(a) - idOf(b)).map((tensor) => ({ tensor, state: stateOf(tensor) }));
}

/**
 * Computes a graph in float64 by the references of its operations. With `noise` every result is moved as rounding to f32
 * may move it, at random: the spread of several such runs is what rounding can do to each element. `leaves` may stand
 * in for host data.
 */
export function interpret(
  order: readonly GraphNode[],
  options: { readonly noise?: Numbers; readonly leaves?: ReadonlyMap<Tensor, Float64Array> } = {},
): Map<Tensor, ReferenceArray> {
  const known = new Map<Tensor, ReferenceArray>();
  for (const { tensor: node, state } of order) {
    const { shape, dtype } = node;
    if (state.kind === "host") {
      known.set(node, { shape, dtype, data: options.leaves?.get(node) ?? Float64Array.from(state.data) });
      continue;
    }
    if (state.kind !== "node") throw new Error(`internal: ${node} is ${state.kind} and has no reference`);
    const primitive = primitiveOf(state);
    const { name } = primitive;
    const exact = state.inputs.map((input) => known.get(input)!);
    const inputs = options.noise && roundsInside(name)
      ? exact.map((array, i) => isFloat(state.inputs[i].dtype) ? shaken(name, array, exact, options.noise!) : array)
      : exact;
    const data = name === "constant"
      ? constantData(state.params as ConstantParams)
      : primitive.reference(inputs, state.params, node);
    finish(data, dtype);
    if (options.noise && dtype === "f32" && !isExact(name)) {
      shake({ name, params: state.params }, data, exact, options.noise);
    }
    if (options.noise && !keepsZeroSign(name)) loseZeroSign(data, options.noise);
    known.set(node, { shape, dtype, data });
  }
  return known;
}

/** A number reaches kernels as data, rounded once. */
function constantData({ value, dtype }: ConstantParams): Float64Array {
  if (dtype === "f32") return Float64Array.of(Math.fround(value));
  return Float64Array.of(value);
}

/** What a dtype does to results beyond its range: f32 goes to infinity, integers wrap around. */
function finish(data: Float64Array, dtype: DType): void {
  for (let i = 0; i < data.length; i++) {
    const value = data[i];
    if (dtype === "f32") data[i] = overflow(value);
    // Fractions among integers stay: they are no integers, and the device must not have made some of them.
    else if (dtype === "i32" && Number.isSafeInteger(value)) data[i] = value | 0;
    else if (dtype === "u32" && Number.isSafeInteger(value)) data[i] = value >>> 0;
  }
}

const sizeOfLongest = (inputs: readonly ReferenceArray[]) =>
  inputs.reduce((n, { data }) => Math.max(n, data.length), 1);

/** Whether sums and products of all these elements are whole numbers that f32 has. */
function staysWhole(inputs: readonly ReferenceArray[]): boolean {
  let bound = sizeOfLongest(inputs);
  for (const { data } of inputs) {
    let top = 1;
    for (const x of data) {
      if (!Number.isInteger(x)) return false;
      top = Math.max(top, Math.abs(x));
    }
    bound *= top;
  }
  return bound < 2 ** 24;
}

/** Elements as they count in a sum that is rounded on its way. */
function shaken(
  name: string,
  array: ReferenceArray,
  inputs: readonly ReferenceArray[],
  noise: Numbers,
): ReferenceArray {
  if (keepsWhole(name) && staysWhole(inputs)) return array;
  const units = 2 + Math.log2(sizeOfLongest(inputs));
  const together = side(noise);
  if (isFactorization(name)) {
    // As if each element had been rounded where the largest one is; zeros, which are skipped, stay.
    const step = units * UNIT * array.data.reduce((top, x) => Math.max(top, Math.abs(x)), 0);
    return { ...array, data: array.data.map((x) => x === 0 ? x : x + sign(noise) * step) };
  }
  return { ...array, data: array.data.map((x) => x * (1 + (together || sign(noise)) * units * UNIT)) };
}

const sign = (noise: Numbers) => noise.next() < 0.5 ? -1 : 1;
/** Errors may all go one way: in half of the cases they do. */
const side = (noise: Numbers) => noise.next() < 0.5 ? sign(noise) : 0;

function shake(
  { name, params }: { readonly name: string; readonly params: unknown },
  data: Float64Array,
  inputs: readonly ReferenceArray[],
  noise: Numbers,
): void {
  const bound = boundOf(name, inputs, params);
  const together = side(noise);
  const isWhole = bound === undefined || (keepsWhole(name) && staysWhole(inputs));
  for (let i = 0; i < data.length; i++) {
    const value = data[i];
    if (!Number.isFinite(value)) continue;
    if (isWhole) {
      const [below, above] = neighbours(value);
      data[i] = (together || sign(noise)) < 0 ? below : above;
    } else {
      // Often the nearest number itself: what is equal in f32 may differ in float64.
      const share = noise.next() < 0.25 ? 0 : 1;
      const error = share * (together || sign(noise)) * bound(value, i);
      // The bound grows with the exponent, and of an infinite one the result, 0, is exact.
      data[i] = value === 0 && Number.isNaN(error) ? 0 : Math.fround(value + error);
    }
    data[i] = overflow(data[i]);
    if (Math.min(Math.abs(value), Math.abs(data[i])) < LEAST_NORMAL && noise.next() < 0.5) data[i] = 0;
  }
  if (!isComposite(name)) return;
  // Squares of such inputs leave f32 where float64 still has them: the result may be anything.
  const isLarge = inputs.some(({ data }) =>
    data.some((x) => Number.isFinite(x) ? Math.abs(x) > LARGE : isFactorization(name))
  );
  if (isLarge) {
    for (let i = 0; i < data.length; i++) {
      data[i] = [data[i], 0, Infinity, -Infinity, NaN][noise.below(5)];
    }
  }
}

function loseZeroSign(data: Float64Array, noise: Numbers): void {
  for (let i = 0; i < data.length; i++) if (data[i] === 0) data[i] = noise.next() < 0.5 ? 0 : -0;
}
