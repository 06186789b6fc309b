import {
  addBefore,
  ROW_LENGTH,
  SCAN_BLOCK,
  scanBlocks,
  scanBlocksGrid,
  scanRows,
  scanRowsGrid,
  scanUniforms,
  type Summed,
} from "../../kernels/cumulative_sum.ts";
import { wrapNumber } from "../tensor/dtype.ts";
import type { CumulativeSumOptions } from "../tensor/operation_options.ts";
import { normalizeAxis, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { batchInFront } from "./batching.ts";
import { cast } from "./cast.ts";
import { requireDType } from "./elementwise.ts";
import { apply, type BufferRef, type Dispatch, type Primitive } from "./primitive.ts";
import { transpose } from "./reshape.ts";

/** A cumulative sum on its way to dispatches: `scratch` collects the bytes of its memory. */
interface Scan {
  readonly dtype: Summed;
  readonly rows: number;
  readonly n: number;
  readonly reverse: boolean;
  readonly scratch: number[];
}

/** Dispatches that sum rows of one buffer into another: long rows in blocks, whose sums are summed in the same way. */
function scan({ dtype, rows, n, reverse, scratch }: Scan, from: BufferRef, to: BufferRef): Dispatch[] {
  const uniforms = scanUniforms(rows, n, reverse);
  if (n <= ROW_LENGTH) {
    return [{ kernel: scanRows(dtype), grid: scanRowsGrid(rows), uniforms, buffers: [from, to] }];
  }
  const grid = scanBlocksGrid(rows, n);
  const blocks = Math.ceil(n / SCAN_BLOCK);
  if (blocks === 1) return [{ kernel: scanBlocks(dtype, { several: false }), grid, uniforms, buffers: [from, to] }];
  const sums = { scratch: scratch.push(4 * rows * blocks) - 1 };
  const before = { scratch: scratch.push(4 * rows * blocks) - 1 };
  return [
    { kernel: scanBlocks(dtype, { several: true }), grid, uniforms, buffers: [from, to, sums] },
    ...scan({ dtype, rows, n: blocks, reverse: false, scratch }, sums, before),
    { kernel: addBefore(dtype), grid, uniforms, buffers: [before, to] },
  ];
}

/** Sums of each element of a row and those before it, or behind it. */
export const cumulativeSumPrimitive: Primitive<{ readonly reverse: boolean }> = {
  name: "cumulativeSum",
  infer: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
  lowering: {
    kind: "kernel",
    emit({ output: { shape, dtype }, params: { reverse } }) {
      if (dtype === "bool" || dtype === "f16") throw new Error(`internal: no cumulative sums of ${dtype}`);
      const n = shape[shape.length - 1];
      const scratch: number[] = [];
      const rows = sizeOf(shape.slice(0, -1));
      return { dispatches: scan({ dtype, rows, n, reverse, scratch }, { input: 0 }, "output"), scratch };
    },
  },
  reference([x], { reverse }, output) {
    const n = x.shape[x.shape.length - 1];
    const result = Float64Array.from(x.data);
    for (let i = 0; i < result.length; i++) {
      const at = reverse ? result.length - 1 - i : i;
      if (i % n > 0) result[at] = wrapNumber(output.dtype, result[at] + result[reverse ? at + 1 : at - 1]);
    }
    return result;
  },
  vjp: ({ params: { reverse }, cotangent }) => [apply(cumulativeSumPrimitive, [cotangent], { reverse: !reverse })],
  batch: (site) => batchInFront(cumulativeSumPrimitive, site),
};

/**
 * Sums each element and those before it along an axis, the last by default, or those behind it with `reverse`. Integers
 * wrap modulo 2³² and keep their dtype, and of bool the true elements are counted, in i32. Takes linear work, and the
 * order of summation depends on the axis' length alone.
 *
 * Throws a TypeError where `x` is f16, and a RangeError where the axis does not exist.
 *
 * @see [jax.numpy.cumsum](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.cumsum.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([[1, 2, 3], [4, 5, 6]]);
 * console.log(await dd.cumulativeSum(x).data()); // Float32Array [1, 3, 6, 4, 9, 15]
 * console.log(await x.cumulativeSum({ axis: 0, reverse: true }).data()); // Float32Array [5, 7, 9, 4, 5, 6]
 * ```
 */
export function cumulativeSum(x: Tensor, options: CumulativeSumOptions = {}): Tensor {
  const { reverse = false } = options;
  requireDType("cumulativeSum", x, ["f32", "i32", "u32", "bool"]);
  const axis = normalizeAxis(options.axis ?? -1, x.rank, "cumulativeSum");
  const numbers = x.dtype === "bool" ? cast(x, "i32") : x;
  if (axis === x.rank - 1) return apply(cumulativeSumPrimitive, [numbers], { reverse });
  const swap = x.shape.map((_, a) => a === axis ? x.rank - 1 : a === x.rank - 1 ? axis : a);
  return transpose(apply(cumulativeSumPrimitive, [transpose(numbers, swap)], { reverse }), swap);
}
