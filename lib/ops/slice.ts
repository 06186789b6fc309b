import {
  formatShape,
  normalizeAxis,
  requireCount,
  requireShape,
  sameShape,
  type Shape,
  sizeOf,
} from "../tensor/shape.ts";
import type { SliceOptions, SplitOptions } from "../tensor/operation_options.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { contiguousStrides, sliceView } from "../tensor/view.ts";
import { ofEachCell } from "./batching.ts";
import { zeros } from "./full.ts";
import { apply, type Primitive, type ReferenceArray } from "./primitive.ts";
import { expandDims, reshape } from "./reshape.ts";

/** Visits the box of `size` at `start` inside `shape`: position in the whole, position in the box. */
function visitBox(
  shape: Shape,
  start: readonly number[],
  size: Shape,
  visit: (whole: number, box: number) => void,
): void {
  const strides = contiguousStrides(shape);
  const rows = contiguousStrides(size);
  for (let i = 0; i < sizeOf(size); i++) {
    let position = 0;
    for (let axis = 0; axis < size.length; axis++) {
      position += ((Math.floor(i / rows[axis]) % size[axis]) + start[axis]) * strides[axis];
    }
    visit(position, i);
  }
}

/** Parameters of {@linkcode slicePrimitive}. */
export interface SliceParams {
  readonly start: readonly number[];
  readonly size: Shape;
}

/** A box of a tensor. */
export const slicePrimitive: Primitive<SliceParams> = {
  name: "slice",
  infer: ([x], { size }) => ({ shape: size, dtype: x.dtype }),
  lowering: { kind: "view", view: (view, { start, size }) => sliceView(view, start, size) },
  reference([x], { start, size }) {
    const result = new Float64Array(sizeOf(size));
    visitBox(x.shape, start, size, (whole, box) => result[box] = x.data[whole]);
    return result;
  },
  vjp: ({ inputs: [x], params: { start }, cotangent }) => [
    cotangent.size === 0 ? zeros(x.shape) : apply(padPrimitive, [cotangent], { start, shape: x.shape }),
  ],
  batch: ({ inputs: [x], cells, params: { start, size } }) =>
    slice(x, { start: [0, ...start], size: [cells, ...size] }),
};

/** Parameters of {@linkcode padPrimitive}. */
export interface PadParams {
  readonly start: readonly number[];
  readonly shape: Shape;
  /** What stands around the box, 0 by default. */
  readonly value?: number;
}

/** A box written into a tensor of one value; into zeros, it is the derivative of slicing. */
export const padPrimitive: Primitive<PadParams> = {
  name: "pad",
  infer: ([x], { shape }) => ({ shape, dtype: x.dtype }),
  lowering: {
    kind: "place",
    starts: ({ start }) => [start],
    covers: () => false,
    fill: ({ value = 0 }) => value,
  },
  reference([x], { start, shape, value = 0 }) {
    // As kernels get it: 0.1 is the f32 next to it.
    const result = new Float64Array(sizeOf(shape)).fill(x.dtype === "f32" ? Math.fround(value) : value);
    visitBox(shape, start, x.shape, (whole, box) => result[whole] = x.data[box]);
    return result;
  },
  vjp: ({ inputs: [x], params: { start }, cotangent }) => [slice(cotangent, { start, size: x.shape })],
  batch: ({ inputs: [x], cells, params: { start, shape, value } }) =>
    apply(padPrimitive, [x], { start: [0, ...start], shape: [cells, ...shape], value }),
};

/**
 * Cuts a box out of a tensor: so many positions as `size` says from `start` on, for each axis. A size of −1 reaches to
 * the end. Nothing is copied where the memory allows it.
 *
 * Throws a RangeError where the box is not inside of the tensor, or has not a position and a size for each axis.
 *
 * @see [jax.lax.slice](https://docs.jax.dev/en/latest/_autosummary/jax.lax.slice.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([[1, 2, 3], [4, 5, 6]]);
 * console.log(await dd.slice(x, { start: [0, 1], size: [-1, 2] }).data()); // Float32Array [2, 3, 5, 6]
 * ```
 */
export function slice(x: Tensor, options: SliceOptions): Tensor {
  const { start } = options;
  const size = options.size.map((extent, axis) => extent === -1 ? x.shape[axis] - start[axis] : extent);
  const isWhole = [...start, ...size].every((position) => Number.isInteger(position));
  const fits = isWhole && start.length === x.rank && size.length === x.rank &&
    size.every((extent, axis) => start[axis] >= 0 && extent >= 0 && start[axis] + extent <= x.shape[axis]);
  if (!fits) {
    throw new RangeError(
      `slice: a box of ${formatShape(options.size)} at ${formatShape(start)} is not inside ${formatShape(x.shape)}`,
    );
  }
  return sameShape(size, x.shape) ? x : apply(slicePrimitive, [x], { start, size });
}

/** Tensors one after the other along an axis. */
export const concatPrimitive: Primitive<{ readonly axis: number }> = {
  name: "concat",
  infer: (inputs, { axis }) => ({
    shape: inputs[0].shape.map((size, a) => a === axis ? inputs.reduce((sum, x) => sum + x.shape[a], 0) : size),
    dtype: inputs[0].dtype,
  }),
  lowering: { kind: "place", starts: ({ axis }, inputs) => startsAlong(inputs, axis), covers: () => true },
  reference(inputs: readonly ReferenceArray[], { axis }, output) {
    const result = new Float64Array(sizeOf(output.shape));
    const starts = startsAlong(inputs, axis);
    inputs.forEach((x, i) => visitBox(output.shape, starts[i], x.shape, (whole, box) => result[whole] = x.data[box]));
    return result;
  },
  vjp({ inputs, params: { axis }, cotangent, needs }) {
    const starts = startsAlong(inputs, axis);
    return inputs.map((x, i) => needs[i] ? slice(cotangent, { start: starts[i], size: x.shape }) : undefined);
  },
  batch: (site) => apply(concatPrimitive, ofEachCell(site), { axis: site.params.axis + 1 }),
};

function startsAlong(inputs: readonly { readonly shape: Shape }[], axis: number): number[][] {
  let position = 0;
  return inputs.map(({ shape }) => {
    const start = shape.map((_, a) => a === axis ? position : 0);
    position += shape[axis];
    return start;
  });
}

/**
 * Joins tensors along one of their axes, the first by default.
 *
 * Throws a RangeError where another axis or the dtype differs, or where there is no tensor, and a TypeError where there
 * are several of f16.
 *
 * @see [jax.numpy.concatenate](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.concatenate.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const [a, b] = [dd.tensor([[1], [2]]), dd.tensor([[3], [4]])];
 * console.log(await dd.concat([a, b]).data()); // Float32Array [1, 2, 3, 4]
 * console.log(await dd.concat([a, b], { axis: 1 }).data()); // Float32Array [1, 3, 2, 4]
 * ```
 */
export function concat(tensors: readonly Tensor[], options: { readonly axis?: number } = {}): Tensor {
  if (tensors.length === 0) throw new RangeError("concat: needs at least one tensor");
  const first = tensors[0];
  const axis = normalizeAxis(options.axis ?? 0, first.rank, "concat");
  for (const { shape, dtype } of tensors) {
    if (dtype !== first.dtype || !sameShape(resized(shape, axis, 0), resized(first.shape, axis, 0))) {
      throw new RangeError(
        `concat: ${dtype} ${formatShape(shape)} does not join ${first.dtype} ${
          formatShape(first.shape)
        } along axis ${axis}`,
      );
    }
  }
  // What is empty adds nothing, and no kernel could bind it.
  const parts = tensors.filter(({ size }) => size > 0);
  if (parts.length === 0 && tensors.length > 1) {
    return zeros(resized(first.shape, axis, tensors.reduce((sum, x) => sum + x.shape[axis], 0)), first);
  }
  return parts.length > 1 ? apply(concatPrimitive, parts, { axis }) : parts[0] ?? first;
}

/**
 * Joins tensors of one shape along a new axis, which is the first by default.
 *
 * Throws a RangeError where a shape or dtype differs, or where there is no tensor, and a TypeError where there are
 * several of f16.
 *
 * @see [jax.numpy.stack](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.stack.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const rows = dd.stack([dd.tensor([1, 2]), dd.tensor([3, 4])]);
 * console.log(rows.shape, await rows.data()); // [2, 2] Float32Array [1, 2, 3, 4]
 * ```
 */
export function stack(tensors: readonly Tensor[], options: { readonly axis?: number } = {}): Tensor {
  return concat(tensors.map((x) => expandDims(x, options.axis ?? 0)), options);
}

/**
 * Cuts a tensor along an axis, the last by default: into as many equal parts as `sections` says, or into parts of the
 * sizes that it lists.
 *
 * Throws a RangeError where the parts do not add up to the axis.
 *
 * @see [jax.numpy.split](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.split.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const [first, rest] = dd.split(dd.tensor([1, 2, 3]), { sections: [1, 2] });
 * console.log(await first.data(), await rest.data()); // Float32Array [1] Float32Array [2, 3]
 * ```
 */
export function split(x: Tensor, options: SplitOptions): Tensor[] {
  const axis = normalizeAxis(options.axis ?? -1, x.rank, "split");
  const sizes = typeof options.sections === "number"
    ? new Array<number>(requireCount("split", "the number of parts", options.sections))
      .fill(x.shape[axis] / options.sections)
    : requireShape("split", options.sections);
  if (sizes.some((size) => !Number.isInteger(size)) || sizes.reduce((sum, size) => sum + size, 0) !== x.shape[axis]) {
    throw new RangeError(
      `split: axis ${axis} of ${formatShape(x.shape)} does not split into ${options.sections} parts`,
    );
  }
  let position = 0;
  return sizes.map((size) => {
    const part = slice(x, {
      start: x.shape.map((_, a) => a === axis ? position : 0),
      size: resized(x.shape, axis, size),
    });
    position += size;
    return part;
  });
}

/**
 * Takes one position of an axis, which goes: `[n, ...] → [...]` for axis 0. A negative position counts from the end. As
 * a method of tensors it is `x.at(index, { axis })`.
 *
 * Throws a RangeError where the axis or the position does not exist.
 *
 * @see [torch.select](https://docs.pytorch.org/docs/stable/generated/torch.select.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([[1, 2], [3, 4]]);
 * console.log(await dd.select(x, { axis: 1, index: -1 }).data()); // Float32Array [2, 4]
 * ```
 */
export function select(x: Tensor, options: { readonly axis: number; readonly index: number }): Tensor {
  const axis = normalizeAxis(options.axis, x.rank, "select");
  const index = options.index < 0 ? options.index + x.shape[axis] : options.index;
  if (!Number.isInteger(index) || index < 0 || index >= x.shape[axis]) {
    throw new RangeError(`select: axis ${axis} of ${formatShape(x.shape)} has no position ${options.index}`);
  }
  const part = slice(x, { start: x.shape.map((_, a) => a === axis ? index : 0), size: resized(x.shape, axis, 1) });
  return reshape(part, x.shape.filter((_, a) => a !== axis));
}

function resized(shape: Shape, axis: number, size: number): number[] {
  return shape.map((extent, a) => a === axis ? size : extent);
}
