import {
  ALONG_WORKGROUP,
  type AlongSizes,
  alongUniforms,
  sumAlongDirect,
  sumAlongSorted,
  type SumType,
  takeAlongKernel,
} from "../../kernels/along.ts";
import { linearGrid } from "../../kernels/kernel.ts";
import { wrapNumber } from "../tensor/dtype.ts";
import type { AxisOption } from "../tensor/operation_options.ts";
import { formatShape, normalizeAxis, type Shape, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ofEachCell } from "./batching.ts";
import { broadcastTo, commonShape } from "./broadcast.ts";
import { requireDType } from "./elementwise.ts";
import { full, zeros } from "./full.ts";
import { apply, type Emission, type Primitive } from "./primitive.ts";
import { sortDispatches } from "./sort_dispatches.ts";

/** The least number of indices for which it pays to sort them. */
const MANY = 65;
const NAN = 0x7fc00000;

const resized = (shape: Shape, axis: number, size: number) => shape.map((extent, a) => a === axis ? size : extent);

/** Sizes before, along and behind an axis. */
function sizesAlong(shape: Shape, axis: number, m: number): AlongSizes {
  return { outer: sizeOf(shape.slice(0, axis)), n: shape[axis], m, inner: sizeOf(shape.slice(axis + 1)) };
}

/** Visits the indices `[outer, m, inner]` in order: their own place and that of the element that each names, if there is one. */
function visitAlong(
  indices: Float64Array,
  { n, m, inner }: AlongSizes,
  visit: (place: number, element: number) => void,
): void {
  indices.forEach((at, place) => {
    if (at >= 0 && at < n) visit(place, (Math.floor(place / (m * inner)) * n + at) * inner + place % inner);
  });
}

/** Parameters of {@linkcode takeAlongPrimitive}. */
export interface TakeAlongParams {
  readonly axis: number;
  /** What an index outside gives. */
  readonly outside: "NaN" | "zero";
}

/** Elements of the first input by positions along an axis, which is the only one whose size may differ. */
export const takeAlongPrimitive: Primitive<TakeAlongParams> = {
  name: "takeAlong",
  infer: ([x, indices]) => ({ shape: indices.shape, dtype: x.dtype }),
  lowering: {
    kind: "kernel",
    emit({ inputs: [x, indices], output, params: { axis, outside } }) {
      const sizes = sizesAlong(x.view.shape, axis, indices.view.shape[axis]);
      return {
        dispatches: [{
          kernel: takeAlongKernel(),
          grid: linearGrid(Math.ceil(sizeOf(output.shape) / ALONG_WORKGROUP)),
          uniforms: alongUniforms(sizes, outside === "NaN" && x.dtype === "f32" ? NAN : 0),
          buffers: [{ input: 0 }, { input: 1 }, "output"],
        }],
      };
    },
  },
  reference([x, indices], { axis, outside }) {
    const fill = outside === "NaN" && x.dtype === "f32" ? NaN : 0;
    const result = new Float64Array(indices.data.length).fill(fill);
    const sizes = sizesAlong(x.shape, axis, indices.shape[axis]);
    visitAlong(indices.data, sizes, (place, element) => result[place] = x.data[element]);
    return result;
  },
  vjp: ({ inputs: [x, indices], params: { axis }, cotangent, needs }) => [
    needs[0] ? sumAlong(indices, cotangent, { axis, size: x.shape[axis] }) : undefined,
    undefined,
  ],
  batch: (site) =>
    apply(takeAlongPrimitive, ofEachCell(site), { axis: site.params.axis + 1, outside: site.params.outside }),
};

/** Parameters of {@linkcode scatterAlongPrimitive}: how many positions the axis has. */
export interface ScatterAlongParams {
  readonly axis: number;
  readonly size: number;
}

/** Sums of elements by the position that indices give each along an axis, in their order. */
export const scatterAlongPrimitive: Primitive<ScatterAlongParams> = {
  name: "scatterAlong",
  infer: ([indices, x], { axis, size }) => ({ shape: resized(indices.shape, axis, size), dtype: x.dtype }),
  lowering: {
    kind: "kernel",
    emit: ({ inputs: [indices, x], output, params: { axis } }) =>
      emitSums(sizesAlong(output.shape, axis, indices.view.shape[axis]), x.dtype === "f32" ? "f32" : "u32"),
  },
  reference([indices, x], { axis }, output) {
    const result = new Float64Array(sizeOf(output.shape));
    const sizes = sizesAlong(output.shape, axis, indices.shape[axis]);
    visitAlong(indices.data, sizes, (place, element) => result[element] += x.data[place]);
    return result.map((value) => wrapNumber(output.dtype, value));
  },
  vjp: ({ inputs: [indices], params: { axis }, cotangent, needs }) => [
    undefined,
    needs[1] ? apply(takeAlongPrimitive, [cotangent, indices], { axis, outside: "zero" }) : undefined,
  ],
  batch: (site) =>
    apply(scatterAlongPrimitive, ofEachCell(site), { axis: site.params.axis + 1, size: site.params.size }),
};

/** Dispatches of {@linkcode scatterAlongPrimitive}: where indices are many, they are sorted first. */
function emitSums(sizes: AlongSizes, type: SumType): Emission {
  const { outer, n, m, inner } = sizes;
  const grid = linearGrid(Math.ceil(outer * n * inner / ALONG_WORKGROUP));
  const uniforms = alongUniforms(sizes);
  if (m < MANY) {
    const buffers = [{ input: 0 }, { input: 1 }, "output"] as const;
    return { dispatches: [{ kernel: sumAlongDirect(type), grid, uniforms, buffers }] };
  }
  const [keys, positions] = [{ scratch: 0 }, { scratch: 1 }];
  const rows = outer * inner;
  const order = { dtype: "i32", descending: false } as const;
  return {
    dispatches: [
      ...sortDispatches({ rows, n: m, inner }, order, { input: { input: 0 }, keys, positions }),
      { kernel: sumAlongSorted(type), grid, uniforms, buffers: [keys, positions, { input: 1 }, "output"] },
    ],
    scratch: [rows * m * 4, rows * m * 4],
  };
}

function sumAlong(indices: Tensor, x: Tensor, params: ScatterAlongParams): Tensor {
  return x.size === 0
    ? zeros(resized(indices.shape, params.axis, params.size), { dtype: x.dtype })
    : apply(scatterAlongPrimitive, [indices, x], params);
}

/** Indices and what they are for, stretched to each other along all axes but one. */
function alongAxis(op: string, x: Tensor, indices: Tensor, { axis: given = -1 }: AxisOption) {
  requireDType(op, indices, ["i32"]);
  const axis = normalizeAxis(given, x.rank, op);
  if (indices.rank !== x.rank) {
    throw new RangeError(
      `${op}: indices ${formatShape(indices.shape)} need as many axes as ${formatShape(x.shape)}`,
    );
  }
  const one = (tensor: Tensor) => zeros(resized(tensor.shape, axis, 1));
  return { axis, others: commonShape(op, one(x), one(indices)) };
}

/**
 * Takes elements by their positions along an axis, the last by default: x `[..., n, ...]` and i32 indices `[..., m,
 * ...]` give `[..., m, ...]`. All other axes broadcast. An index outside of the axis, a negative one too, gives NaN,
 * and 0 where x is no f32. The derivative adds what was taken several times in order, so it has the same bits each
 * time.
 *
 * Throws a RangeError where shapes do not fit, and a TypeError where `x` is f16 or the indices are not i32.
 *
 * @see [jax.numpy.take_along_axis](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.take_along_axis.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([[10, 30, 20], [3, 1, 2]]);
 * console.log(await dd.takeAlong(x, dd.argsort(x)).data()); // Float32Array [10, 20, 30, 1, 2, 3]
 * ```
 */
export function takeAlong(x: Tensor, indices: Tensor, options: AxisOption = {}): Tensor {
  requireDType("takeAlong", x, ["f32", "i32", "u32", "bool"]);
  const { axis, others } = alongAxis("takeAlong", x, indices, options);
  const shape = resized(others, axis, indices.shape[axis]);
  // Of nothing, every index is outside.
  if (x.size === 0 || sizeOf(shape) === 0) return full(shape, x.dtype === "f32" ? NaN : 0, { dtype: x.dtype });
  const inputs = [broadcastTo(x, resized(others, axis, x.shape[axis])), broadcastTo(indices, shape)];
  return apply(takeAlongPrimitive, inputs, { axis, outside: "NaN" });
}

/**
 * Adds updates to a tensor at positions along an axis, the last by default: x `[..., n, ...]`, i32 indices `[..., m,
 * ...]` and updates of their shape give `[..., n, ...]`; an axis of size 1 of the two is stretched to x's. Updates of
 * one element are summed in their order before they are added to it, without atomics, so the same inputs give the same
 * bits. An index outside of the axis, a negative one too, adds nothing.
 *
 * Throws a RangeError where shapes do not fit, and a TypeError where the dtypes of x and updates differ, x is f16 or bool,
 * or the indices are not i32.
 *
 * @see [torch.Tensor.scatter_add_](https://docs.pytorch.org/docs/stable/generated/torch.Tensor.scatter_add_.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const indices = dd.tensor([2, 0, 2], { dtype: "i32" });
 * console.log(await dd.scatterAdd(dd.zeros([4]), indices, dd.ones([3])).data()); // Float32Array [1, 0, 2, 0]
 * ```
 */
export function scatterAdd(x: Tensor, indices: Tensor, updates: Tensor, options: AxisOption = {}): Tensor {
  requireDType("scatterAdd", x, ["f32", "i32", "u32"]);
  requireDType("scatterAdd", updates, [x.dtype]);
  const { axis, others } = alongAxis("scatterAdd", x, indices, options);
  const shape = commonShape("scatterAdd", indices, updates);
  const placed = resized(others, axis, shape[axis] ?? 0);
  const fits = shape.length === x.rank && others.every((size, a) => a === axis || size === x.shape[a]);
  if (!fits) {
    throw new RangeError(
      `scatterAdd: updates ${formatShape(updates.shape)} at ${formatShape(indices.shape)} do not fit ${
        formatShape(x.shape)
      } along axis ${axis}`,
    );
  }
  if (x.size === 0 || sizeOf(placed) === 0) return x;
  const sums = sumAlong(broadcastTo(indices, placed), broadcastTo(updates, placed), { axis, size: x.shape[axis] });
  return x.add(sums);
}
