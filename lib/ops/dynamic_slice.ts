import {
  type BoxSizes,
  boxUniforms,
  DYNAMIC_SLICE_WORKGROUP,
  dynamicSliceKernel,
  dynamicUpdateInPlace,
  dynamicUpdateKernel,
  type UpdatePlace,
  updateUniforms,
} from "../../kernels/dynamic_slice.ts";
import { linearGrid } from "../../kernels/kernel.ts";
import type { DynamicSliceOptions, DynamicStart } from "../tensor/operation_options.ts";
import { formatShape, type Shape, sizeOf } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import { contiguousStrides, isContiguous, type View } from "../tensor/view.ts";
import { arange } from "./arange.ts";
import { batchInFront } from "./batching.ts";
import { cast } from "./cast.ts";
import { asTensor } from "./constant.ts";
import { requireDType } from "./elementwise.ts";
import { zeros } from "./full.ts";
import { apply, type Primitive, type ReferenceArray } from "./primitive.ts";
import { reshape } from "./reshape.ts";
import { where } from "./where.ts";

const gridOf = (threads: number) => linearGrid(Math.ceil(threads / DYNAMIC_SLICE_WORKGROUP));

/** Sizes for a box whose axes are the last ones: those before them go from cell to cell. */
function sizesOf({ shape }: { readonly shape: Shape }, box: Shape): BoxSizes {
  const front = shape.length - box.length;
  return { cells: sizeOf(shape.slice(0, front)), shape: shape.slice(front), box };
}

/** The axes of a box of each cell, of which starts `[..., rank]` are given. */
function boxOf(boxes: { readonly shape: Shape }, starts: { readonly shape: Shape }): Shape {
  return boxes.shape.slice(starts.shape.length - 1);
}

/** Where the elements of updates lie whose last axes are those of a box. */
function placeOfUpdate({ shape, strides, offset }: View, box: Shape): UpdatePlace {
  const front = shape.length - box.length;
  return { offset, cell: front === 0 ? 0 : strides[front - 1], axes: strides.slice(front) };
}

/** Whether kernels of updates read an input where it lies: updates by strides, one of which goes from cell to cell. */
function readsUpdate(input: number, views: readonly View[]): boolean {
  const view = views[input];
  const front = view.shape.length - boxOf(views[1], views[2]).length;
  if (input === 1 && front <= 1) return true;
  return isContiguous(view) && (input === 1 || view.offset === 0);
}

/** Elements of a thread: four, where whole rows of the last axis are replaced that lie in fours. */
function updateWidth(sizes: BoxSizes, { offset, cell, axes }: UpdatePlace): 1 | 4 {
  const [n, b, stride] = [sizes.shape, sizes.box, axes].map((list) => list[list.length - 1]);
  const inFours = [n, offset, cell, ...axes.slice(0, -1)].every((size) => size % 4 === 0);
  return n === b && stride === 1 && inFours ? 4 : 1;
}

/** Visits the boxes of all cells: position in the whole, position in the boxes. */
function visitBoxes(
  { cells, shape, box }: BoxSizes,
  starts: ReferenceArray,
  visit: (whole: number, box: number) => void,
): void {
  const [strides, rows] = [contiguousStrides(shape), contiguousStrides(box)];
  const clamped = (cell: number, axis: number) => {
    const start = starts.data[cell * shape.length + axis];
    return Math.max(0, Math.min(start < 0 ? start + shape[axis] : start, shape[axis] - box[axis]));
  };
  const [whole, part] = [sizeOf(shape), sizeOf(box)];
  for (let i = 0; i < cells * part; i++) {
    const cell = Math.floor(i / part);
    const positions = shape.map((_, a) => (Math.floor(i % part / rows[a]) % box[a] + clamped(cell, a)) * strides[a]);
    visit(cell * whole + positions.reduce((sum, position) => sum + position, 0), i);
  }
}

/** A box of a tensor at starts i32 `[rank]`, or of each cell's at its own: x `[cells, ...]`, starts `[cells, rank]`. */
export const dynamicSlicePrimitive: Primitive<{ readonly size: Shape }> = {
  name: "dynamicSlice",
  infer: ([x, starts], { size }) => ({ shape: [...starts.shape.slice(0, -1), ...size], dtype: x.dtype }),
  lowering: {
    kind: "kernel",
    emit: ({ inputs: [x], output, params: { size } }) => ({
      dispatches: [{
        kernel: dynamicSliceKernel(size.length),
        grid: gridOf(sizeOf(output.shape)),
        uniforms: boxUniforms(sizesOf(x.view, size), sizeOf(output.shape)),
        buffers: [{ input: 0 }, { input: 1 }, "output"],
      }],
    }),
  },
  reference([x, starts], { size }, output) {
    const result = new Float64Array(sizeOf(output.shape));
    visitBoxes(sizesOf(x, size), starts, (whole, box) => result[box] = x.data[whole]);
    return result;
  },
  vjp: ({ inputs: [x, starts], cotangent, needs }) => [
    needs[0]
      ? cotangent.size === 0
        ? zeros(x.shape)
        : apply(dynamicUpdatePrimitive, [zeros(x.shape), cotangent, starts], undefined)
      : undefined,
    undefined,
  ],
  batch: (site) => batchInFront(dynamicSlicePrimitive, site),
};

/** A tensor with a box replaced by an update, at starts as those of {@linkcode dynamicSlicePrimitive}. */
export const dynamicUpdatePrimitive: Primitive<undefined> = {
  name: "dynamicUpdateSlice",
  infer: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
  lowering: {
    kind: "kernel",
    inPlace: 0,
    accepts: readsUpdate,
    emit({ inputs: [x, update, starts], inPlace }) {
      const box = boxOf(update.view, starts.view);
      const [sizes, place] = [sizesOf(x.view, box), placeOfUpdate(update.view, box)];
      const width = updateWidth(sizes, place);
      const threads = sizeOf((inPlace ? update : x).view.shape) / width;
      const options = { rank: box.length, width };
      return {
        dispatches: [{
          kernel: inPlace ? dynamicUpdateInPlace(options) : dynamicUpdateKernel(options),
          grid: gridOf(threads),
          uniforms: updateUniforms(sizes, { threads, place, width }),
          buffers: [{ input: 0 }, { input: 1 }, { input: 2 }, ...inPlace ? [] : ["output" as const]],
        }],
      };
    },
  },
  reference([x, update, starts]) {
    const result = x.data.slice();
    visitBoxes(sizesOf(x, boxOf(update, starts)), starts, (whole, box) => result[whole] = update.data[box]);
    return result;
  },
  vjp: ({ inputs: [, update, starts], cotangent, needs }) => [
    needs[0] ? apply(dynamicUpdatePrimitive, [cotangent, zeros(update.shape), starts], undefined) : undefined,
    needs[1] ? apply(dynamicSlicePrimitive, [cotangent, starts], { size: boxOf(update, starts) }) : undefined,
    undefined,
  ],
  batch: (site) => batchInFront(dynamicUpdatePrimitive, site),
};

const DTYPES = ["f32", "i32", "u32", "bool"] as const;

/** The places where a box begins, i32 `[rank]`. */
function startsOf(op: string, x: Tensor, start: DynamicStart): Tensor {
  if (start instanceof Tensor) {
    requireDType(op, start, ["i32"]);
    if (start.rank === 1 && start.size === x.rank) return start;
  } else if (start.length === x.rank && start.every((place) => typeof place === "number" || place.size === 1)) {
    const axes = arange(x.rank);
    return start.reduce<Tensor>((starts, place, a) => where(axes.equal(a), placeOf(op, place), starts), axes);
  }
  const got = start instanceof Tensor ? `a tensor ${formatShape(start.shape)}` : `${start.length} of them`;
  throw new RangeError(`${op}: a start is one place for each axis of ${formatShape(x.shape)}, and not ${got}`);
}

function placeOf(op: string, place: number | Tensor): Tensor {
  if (typeof place === "number" && !Number.isInteger(place)) {
    throw new RangeError(`${op}: a box begins at a whole number, not at ${place}`);
  }
  const scalar = asTensor(place, "i32");
  requireDType(op, scalar, ["i32", "u32"]);
  return cast(reshape(scalar, []), "i32");
}

function requireBox(op: string, x: Tensor, size: Shape): void {
  const fits = size.length === x.rank && size.every((n, a) => Number.isInteger(n) && n >= 0 && n <= x.shape[a]);
  if (!fits) throw new RangeError(`${op}: a box of ${formatShape(size)} does not fit into ${formatShape(x.shape)}`);
}

/**
 * Cuts a box of a fixed size out of a tensor at a place that is data: `start` has a place for each axis, numbers and
 * scalar tensors in i32, or is one i32 tensor `[rank]`. Unlike `slice`, which sees the same memory, it copies; another
 * place needs no other plan of a jitted function. As in JAX, a negative place counts from the end, and a box that would
 * leave the tensor is moved so that it lies inside.
 *
 * Throws a RangeError where the box is larger than the tensor, and a TypeError where a start is no i32.
 *
 * @see [jax.lax.dynamic_slice](https://docs.jax.dev/en/latest/_autosummary/jax.lax.dynamic_slice.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const window = dd.jit((x: dd.Tensor, at: dd.Tensor) => dd.dynamicSlice(x, { start: [at], size: [2] }));
 * const at = dd.tensor(1, { dtype: "i32" });
 * console.log(await (await window(dd.tensor([1, 2, 3, 4]), at)).data()); // Float32Array [2, 3]
 * ```
 */
export function dynamicSlice(x: Tensor, options: DynamicSliceOptions): Tensor {
  const { start, size } = options;
  requireDType("dynamicSlice", x, DTYPES);
  requireBox("dynamicSlice", x, size);
  const starts = startsOf("dynamicSlice", x, start);
  if (x.rank === 0) return x;
  if (sizeOf(size) === 0) return zeros(size, { dtype: x.dtype });
  return apply(dynamicSlicePrimitive, [x, starts], { size });
}

/**
 * Replaces a box of a tensor by an update of its rank and dtype, at a place that is data, as
 * {@linkcode dynamicSlice} takes it: a negative place counts from the end, and a box that would leave the tensor is moved
 * so that it lies inside. Where the tensor is needed no more, as in a donating loop, only the update is written.
 *
 * Throws a RangeError where the update is larger than the tensor, and a TypeError where dtypes differ or a start is no
 * i32.
 *
 * @see [jax.lax.dynamic_update_slice](https://docs.jax.dev/en/latest/_autosummary/jax.lax.dynamic_update_slice.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.dynamicUpdateSlice(dd.zeros([4]), dd.tensor([1, 2]), { start: [dd.tensor(3, { dtype: "i32" })] });
 * console.log(await x.data()); // Float32Array [0, 0, 1, 2]
 * ```
 */
export function dynamicUpdateSlice(x: Tensor, update: Tensor, options: { readonly start: DynamicStart }): Tensor {
  requireDType("dynamicUpdateSlice", x, DTYPES);
  requireDType("dynamicUpdateSlice", update, [x.dtype]);
  requireBox("dynamicUpdateSlice", x, update.shape);
  const starts = startsOf("dynamicUpdateSlice", x, options.start);
  if (x.rank === 0) return update;
  if (update.size === 0) return x;
  return apply(dynamicUpdatePrimitive, [x, update, starts], undefined);
}
