import { matmulDispatch } from "../../kernels/choose_matmul.ts";
import type { MatmulLayout } from "../../kernels/matmul.ts";
import type { ProductDispatch } from "../../kernels/target.ts";
import { broadcastShapes, formatShape, sizeOf } from "../tensor/shape.ts";
import type { MatmulOptions } from "../tensor/operation_options.ts";
import { stateOf, type Tensor } from "../tensor/tensor.ts";
import { collapseView, contiguous, type View } from "../tensor/view.ts";
import { mul } from "./arithmetic.ts";
import { joinCells, ofEachCell, partCells } from "./batching.ts";
import { broadcastTo } from "./broadcast.ts";
import { cast } from "./cast.ts";
import { zeros } from "./full.ts";
import { requireDType, storedAs } from "./elementwise.ts";
import { apply, type BufferRef, type Emission, paramsOf, type Primitive } from "./primitive.ts";
import { reshape, transpose, transposePrimitive } from "./reshape.ts";

/** How the last two axes of a view lie in memory: rows together ("n"), columns together ("t"), or neither. */
export function orientation({ shape, strides }: View): { kind: "n" | "t"; stride: number } | undefined {
  const [rows, columns] = [shape.length - 2, shape.length - 1];
  const [rowStride, columnStride] = [strides[rows], strides[columns]];
  if (shape[columns] === 1 || columnStride === 1) {
    if (shape[rows] === 1) return { kind: "n", stride: shape[columns] };
    if (columnStride === 1 || shape[columns] === 1) {
      return rowStride >= shape[columns] ? { kind: "n", stride: rowStride } : undefined;
    }
  }
  if (shape[rows] === 1 || rowStride === 1) {
    if (shape[columns] === 1) return { kind: "t", stride: shape[rows] };
    return columnStride >= shape[rows] ? { kind: "t", stride: columnStride } : undefined;
  }
  return undefined;
}

/** The batch axes as at most two levels of count and stride, outermost first. */
function batchLevels(view: View): { shape: readonly number[]; strides: readonly number[] } {
  const rank = view.shape.length - 2;
  return { shape: view.shape.slice(0, rank), strides: view.strides.slice(0, rank) };
}

/** Merges batch axes of several operands together as far as all allow it. */
function mergeBatches(views: readonly View[]): { shape: number[]; strides: number[][] } {
  const levels = views.map(batchLevels);
  const shape: number[] = [];
  const strides: number[][] = views.map(() => []);
  levels[0].shape.forEach((size, axis) => {
    if (size === 1) return;
    const last = shape.length - 1;
    if (last >= 0 && levels.every((level, i) => strides[i][last] === level.strides[axis] * size)) {
      shape[last] *= size;
      levels.forEach((level, i) => strides[i][last] = level.strides[axis]);
    } else {
      shape.push(size);
      levels.forEach((level, i) => strides[i].push(level.strides[axis]));
    }
  });
  return { shape, strides };
}

function fits(view: View): boolean {
  return orientation(view) !== undefined && collapseView(batchView(view)).shape.length <= 2;
}

function batchView(view: View): View {
  return { ...batchLevels(view), offset: 0 };
}

/** Parameters of {@linkcode matmulPrimitive}. */
export interface MatmulParams {
  /** Factor of the product. */
  readonly scale: number;
}

/** Products of the matrices in the last two axes: scale · [..., m, k] · [..., k, n]; batch axes are equal. */
export const matmulPrimitive: Primitive<MatmulParams> = {
  name: "matmul",
  infer: ([a, b]) => ({ shape: [...a.shape.slice(0, -1), b.shape[b.shape.length - 1]], dtype: "f32" }),
  lowering: {
    kind: "kernel",
    takesEpilogue: true,
    batches: true,
    scaled: ({ scale }, factor) => ({ scale: scale * factor }),
    accepts(input, views) {
      if (!fits(views[input])) return false;
      if (input === 0) return true;
      // Both transposed is the one layout without a kernel, and batch axes must merge to two levels together.
      const both = fits(views[0]) && orientation(views[0])!.kind === "t" && orientation(views[1])!.kind === "t";
      return !both && mergeBatches(views).shape.length <= 2;
    },
    emit({ inputs: [a, b], output, params: { scale }, target, epilogue, ...site }) {
      const result = site.result ?? contiguous(output.shape);
      const [m, n] = result.shape.slice(-2);
      const k = a.view.shape[a.view.shape.length - 1];
      const [forA, forB] = [orientation(a.view)!, orientation(b.view)!];
      const { shape, strides } = mergeBatches([a.view, b.view, result]);
      const [outer, inner] = shape.length === 2 ? shape : [1, shape[0] ?? 1];
      const pair = (list: readonly number[]) => list.length === 2 ? list : [0, list[0] ?? 0];
      const [[a0, a1], [b0, b1], [c0, c1]] = strides.map(pair);
      const dispatch = matmulDispatch(layoutOf(forA.kind, forB.kind), {
        m,
        n,
        k,
        lda: forA.stride,
        ldb: forB.stride,
        ldc: n,
        inner,
        batch: outer * inner,
        a0,
        a1,
        b0,
        b1,
        c0,
        c1,
        offsetA: a.view.offset,
        offsetB: b.view.offset,
        offsetC: result.offset,
        scale,
        // Products that were joined have no memory of their own.
      }, { target, epilogue, isFrozen: b.isFrozen, packs: !site.result, weight: storedAs(b.dtype) });
      return productEmission(dispatch, [{ input: 0 }, { input: 1 }, "epilogue"]);
    },
  },
  reference([a, b], { scale }, output) {
    const [m, n] = output.shape.slice(-2);
    const k = a.shape[a.shape.length - 1];
    return Float64Array.from({ length: sizeOf(output.shape) }, (_, i) => {
      const [batch, row, column] = [Math.floor(i / (m * n)), Math.floor(i / n) % m, i % n];
      let sum = 0;
      for (let j = 0; j < k; j++) sum += a.data[(batch * m + row) * k + j] * b.data[(batch * k + j) * n + column];
      return scale * sum;
    });
  },
  vjp({ inputs: [a, b], params: { scale }, cotangent, needs }) {
    const slope = scale === 1 ? cotangent : cotangent.mul(scale);
    return [
      needs[0] ? slope.matmul(b, { transposeB: true }) : undefined,
      needs[1]
        ? (isSwapped(b) ? swapLast(slope.matmul(a, { transposeA: true })) : a.matmul(slope, { transposeA: true }))
        : undefined,
    ];
  },
  batch(site) {
    const { inputs: [a, b], isMapped: [, isMappedB], cells, params } = site;
    // All rows of all cells by one matrix that they share.
    if (!isMappedB && b.rank === 2) return partCells(apply(matmulPrimitive, [joinCells(a), b], params), cells);
    return apply(matmulPrimitive, ofEachCell(site), params);
  },
};

/** A product on its operands and what else it binds; one that reads a texture packs its second operand first. */
export function productEmission(
  { pack, texture, ...product }: ProductDispatch,
  [a, b, ...rest]: readonly BufferRef[],
): Emission {
  if (!pack) return { dispatches: [{ ...product, buffers: [a, b, ...rest] }] };
  const packed = { scratch: 0 };
  return {
    dispatches: [{ ...pack, buffers: [b, packed] }, { ...product, buffers: [a, packed, ...rest] }],
    scratch: [texture!],
  };
}

/** The name of how two operands lie. */
function layoutOf(a: "n" | "t", b: "n" | "t"): MatmulLayout {
  if (b === "n") return a === "n" ? "nn" : "tn";
  if (a === "t") throw new Error("internal: no kernel reads two transposed operands");
  return "nt";
}

function swapLast(x: Tensor): Tensor {
  return transpose(x, x.shape.map((_, axis) => axis < x.rank - 2 ? axis : 2 * x.rank - 3 - axis));
}

/** Whether a matrix is another one seen transposed: its derivative then lies as the other does, and costs no copy. */
function isSwapped(x: Tensor): boolean {
  const state = stateOf(x);
  const params = state.kind === "node" ? paramsOf(transposePrimitive, state) : undefined;
  return x.rank === 2 && params?.permutation[0] === 1;
}

/**
 * Multiplies matrices, which stand in the last two axes: `[..., m, k] · [..., k, n] → [..., m, n]`, in f32. Axes in
 * front broadcast by NumPy's rule. Transposed or sliced operands are read where they lie, and so is a second operand of
 * f16. Sums run in f32, and over `k = 0` they are 0.
 *
 * Throws a TypeError where the first operand is not f32 or the second neither f32 nor f16, and a RangeError where one
 * has less than two axes, the inner sizes differ, or the axes in front do not broadcast.
 *
 * @see [jax.numpy.matmul](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.matmul.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const [x, W] = [dd.tensor([[1, 2]]), dd.tensor([[3, 4], [5, 6]])];
 * console.log(await dd.matmul(x, W).data()); // Float32Array [13, 16]
 * console.log(await dd.matmul(x, W, { transposeB: true }).data()); // Float32Array [11, 17]
 * ```
 */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const { transposeA = false, transposeB = false } = options;
  requireDType("matmul", a, ["f32"]);
  requireDType("matmul", b, ["f32", "f16"]);
  const print = () =>
    `${formatShape(a.shape)}${transposeA ? "ᵀ" : ""} · ${formatShape(b.shape)}${transposeB ? "ᵀ" : ""}`;
  if (a.rank < 2 || b.rank < 2) throw new RangeError(`matmul: needs matrices: ${print()}`);
  const left = transposeA ? swapLast(a) : a;
  const right = transposeB ? swapLast(b) : b;
  const [inner, other] = [left.shape[left.rank - 1], right.shape[right.rank - 2]];
  if (inner !== other) throw new RangeError(`matmul: inner sizes differ: ${print()} (${inner} ≠ ${other})`);
  const batch = broadcastShapes(left.shape.slice(0, -2), right.shape.slice(0, -2));
  if (!batch) throw new RangeError(`matmul: batch axes do not broadcast: ${print()}`);
  // A sum of nothing.
  if (inner === 0) return zeros([...batch, left.shape[left.rank - 2], right.shape[right.rank - 1]]);
  if (right.rank === 2 && left.rank > 2 && !transposeA) {
    // One tall product in place of a batch of short ones.
    const flat = matmul(reshape(left, [left.size / inner, inner]), right);
    return reshape(flat, [...left.shape.slice(0, -1), right.shape[1]]);
  }
  // An outer product needs no sum: it joins the element-wise work around it.
  if (inner === 1) return mul(left, cast(right, "f32"));
  return apply(matmulPrimitive, [
    broadcastTo(left, [...batch, ...left.shape.slice(-2)]),
    broadcastTo(right, [...batch, ...right.shape.slice(-2)]),
  ], { scale: 1 });
}
