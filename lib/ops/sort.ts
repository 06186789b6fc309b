import { SORT_BLOCK } from "../../kernels/sort.ts";
import type { AxisOption, SortOptions } from "../tensor/operation_options.ts";
import { formatShape, normalizeAxis, requireCount, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { arange } from "./arange.ts";
import { add, mul } from "./arithmetic.ts";
import { requireDType } from "./elementwise.ts";
import { pad } from "./pad.ts";
import { apply, type Primitive } from "./primitive.ts";
import { max } from "./reduce.ts";
import { expandDims, reshape } from "./reshape.ts";
import { slice } from "./slice.ts";
import { argsortEmission } from "./sort_dispatches.ts";
import { takeAlong } from "./take_along.ts";

/** Parameters of {@linkcode argsortPrimitive}. */
export interface ArgsortParams {
  readonly axis: number;
  readonly descending: boolean;
}

/** Whether an element is greater than another one, NaN being greater than all others. */
function isGreater(a: number, b: number): boolean {
  return a > b || (Number.isNaN(a) && !Number.isNaN(b));
}

/** Positions along an axis in the order of the elements there. */
export const argsortPrimitive: Primitive<ArgsortParams> = {
  name: "argsort",
  infer: ([x]) => ({ shape: x.shape, dtype: "i32" }),
  lowering: {
    kind: "kernel",
    emit({ inputs: [{ view: { shape }, dtype }], params: { axis, descending } }) {
      const n = shape[axis];
      const sizes = { rows: sizeOf(shape) / n, n, inner: sizeOf(shape.slice(axis + 1)) };
      return argsortEmission(sizes, { dtype: dtype === "f32" || dtype === "i32" ? dtype : "u32", descending });
    },
  },
  reference([x], { axis, descending }) {
    const n = x.shape[axis];
    const inner = sizeOf(x.shape.slice(axis + 1));
    const result = new Float64Array(x.data.length);
    for (let row = 0; row < x.data.length / n; row++) {
      const at = (i: number) => (Math.floor(row / inner) * n + i) * inner + row % inner;
      const before = (i: number, j: number) => {
        const [a, b] = descending ? [x.data[at(j)], x.data[at(i)]] : [x.data[at(i)], x.data[at(j)]];
        return Number(isGreater(a, b)) - Number(isGreater(b, a));
      };
      Array.from({ length: n }, (_, i) => i).sort(before).forEach((position, i) => result[at(i)] = position);
    }
    return result;
  },
  vjp: () => [undefined],
  batch: ({ inputs, params: { axis, descending } }) => apply(argsortPrimitive, inputs, { axis: axis + 1, descending }),
};

/**
 * Finds the positions, as i32, that put the elements along an axis, the last by default, in ascending order, or in
 * descending order. Equal elements keep their order, zeros of either sign among them. NaN is greater than any number:
 * it comes last, or first in descending order, as in JAX. There is no derivative.
 *
 * Throws a TypeError where `x` is f16, and a RangeError where the axis does not exist.
 *
 * @see [jax.numpy.argsort](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.argsort.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([3, 1, 2]);
 * console.log(await dd.argsort(x).data()); // Int32Array [1, 2, 0]
 * console.log(await dd.argsort(x, { descending: true }).data()); // Int32Array [0, 2, 1]
 * ```
 */
export function argsort(x: Tensor, options: SortOptions = {}): Tensor {
  const { axis = -1, descending = false } = options;
  requireDType("argsort", x, ["f32", "i32", "u32", "bool"]);
  return apply(argsortPrimitive, [x], { axis: normalizeAxis(axis, x.rank, "argsort"), descending });
}

/**
 * Puts the elements along an axis, the last by default, in ascending order, or in descending order, as
 * {@linkcode argsort} has them. The derivative of an element is that of the place to which it came.
 *
 * Throws a TypeError where `x` is f16, and a RangeError where the axis does not exist.
 *
 * @see [jax.numpy.sort](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.sort.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([3, NaN, 1, 2]);
 * console.log(await dd.sort(x).data()); // Float32Array [1, 2, 3, NaN]
 * console.log(await dd.sort(x, { descending: true }).data()); // Float32Array [NaN, 3, 2, 1]
 * ```
 */
export function sort(x: Tensor, options: SortOptions = {}): Tensor {
  requireDType("sort", x, ["f32", "i32", "u32", "bool"]);
  const axis = normalizeAxis(options.axis ?? -1, x.rank, "sort");
  return takeAlong(x, argsort(x, options), { axis });
}

/** Elements of a part of a long row whose largest one stands for all of them. */
const PART = 64;

/** Positions of the `k` largest elements along an axis, the largest first. */
function largest(x: Tensor, k: number, axis: number): Tensor {
  const order = argsort(x, { axis, descending: true });
  return slice(order, { start: x.shape.map(() => 0), size: x.shape.map((n, a) => a === axis ? k : n) });
}

/**
 * As {@linkcode largest}, of long rows f32 `[..., n]`. The `k` largest elements lie in those `k` parts whose largest
 * elements are the largest, the first parts among equals, so that those alone are sorted, in the order in which they
 * stand: a row is read once.
 */
function fewLargest(x: Tensor, k: number): Tensor {
  const [n, others] = [x.shape[x.rank - 1], x.shape.slice(0, -1)];
  const parts = Math.ceil(n / PART);
  const filled = pad(x, { width: [...others.map(() => 0), [0, parts * PART - n]], value: -Infinity });
  const inParts = reshape(filled, [...others, parts, PART]);
  const [, ofParts] = topK(max(inParts, { axis: -1 }), k);
  const chosen = expandDims(sort(ofParts), -1);
  const elements = reshape(takeAlong(inParts, chosen, { axis: -2 }), [...others, k * PART]);
  const places = reshape(add(mul(chosen, PART), arange(PART)), [...others, k * PART]);
  return takeAlong(places, largest(elements, k, elements.rank - 1));
}

/**
 * Finds the `k` largest elements along an axis, the last by default, in descending order, and their positions as i32.
 * Among equals the first come first, and NaN is greater than any number.
 *
 * Throws a TypeError where `x` is f16, and a RangeError where the axis does not exist or has fewer elements.
 *
 * @see [jax.lax.top_k](https://docs.jax.dev/en/latest/_autosummary/jax.lax.top_k.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const [values, indices] = dd.topK(dd.tensor([0.5, 1, 0.25]), 2);
 * console.log(await values.data(), await indices.data()); // Float32Array [1, 0.5] Int32Array [1, 0]
 * ```
 */
export function topK(x: Tensor, k: number, options: AxisOption = {}): [values: Tensor, indices: Tensor] {
  requireDType("topK", x, ["f32", "i32", "u32", "bool"]);
  const axis = normalizeAxis(options.axis ?? -1, x.rank, "topK");
  if (requireCount("topK", "the number of elements", k) > x.shape[axis]) {
    throw new RangeError(`topK: axis ${axis} of ${formatShape(x.shape)} has no ${k} elements`);
  }
  const isFew = x.dtype === "f32" && axis === x.rank - 1 && x.shape[axis] > SORT_BLOCK && 2 * k * PART <= x.shape[axis];
  const indices = isFew && k > 0 ? fewLargest(x, k) : largest(x, k, axis);
  return [takeAlong(x, indices, { axis }), indices];
}
