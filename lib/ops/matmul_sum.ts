import { matmulDispatch } from "../../kernels/choose_matmul.ts";
import { CELL_ROWS } from "../../kernels/branch.ts";
import { SINGLE_PRODUCT } from "../../kernels/matmul.ts";
import { formatShape, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { View } from "../tensor/view.ts";
import { add } from "./arithmetic.ts";
import { batchCells, joinCells, type OfCells, ofEachCell, partCells } from "./batching.ts";
import { zeros } from "./full.ts";
import { requireDType, storedAs } from "./elementwise.ts";
import { matmul, type MatmulParams, orientation, productEmission } from "./matmul.ts";
import { apply, type Primitive, type ReferenceArray } from "./primitive.ts";

/** Parameters of {@linkcode matmulSumPrimitive}. */
export interface MatmulSumParams extends MatmulParams, OfCells {}

/** From one cell to the next; 0 where all share an operand, or there are none. */
const nextCell = ({ shape, strides }: View) => shape.length === 3 ? strides[0] : 0;

/** Whether the rows of one cell follow those of another, so that all are rows of one matrix. */
function hasRowsInLine(view: View): boolean {
  return view.shape.length === 2 || nextCell(view) === view.shape[1] * orientation(view)!.stride;
}

/**
 * scale · (A·B + Z·V), A `[m, k]`, B `[k, n]`, Z `[m, r]`, V `[r, n]`: one chain of fma over k, then over r. With two more
 * inputs Z and V are in two blocks. Of several cells, all have their axis in front.
 */
export const matmulSumPrimitive: Primitive<MatmulSumParams> = {
  name: "matmulSum",
  infer: ([a, b]) => ({ shape: [...a.shape.slice(0, -1), b.shape[b.shape.length - 1]], dtype: "f32" }),
  lowering: {
    kind: "kernel",
    takesEpilogue: true,
    scaled: (params, factor) => ({ ...params, scale: params.scale * factor }),
    accepts(input, views) {
      const found = orientation(views[input]);
      // The first operands have their rows together, and both blocks of V lie alike.
      const isAlike = input < 3 || input % 2 === 0 || views.length < 6 ||
        orientation(views[3])?.kind === orientation(views[5])?.kind;
      return found !== undefined && (found.kind === "n" || input % 2 === 1) && isAlike;
    },
    emit({ inputs: [a, b, ...blocks], output, params: { scale, cells = 1 }, target, epilogue }) {
      const [m, n] = output.shape.slice(-2);
      const k = a.view.shape[a.view.shape.length - 1];
      const [A, B, , V] = [a, b, ...blocks].map((x) => orientation(x.view)!);
      const rowSides = [a, ...blocks.filter((_, i) => i % 2 === 0)];
      // The rows of all cells by one matrix that they share.
      const isTall = cells > 1 && nextCell(b.view) === 0 && m % CELL_ROWS === 0 &&
        rowSides.every(({ view }) => hasRowsInLine(view));
      const blockOf = ([z, v]: typeof blocks) => ({
        ldz: orientation(z.view)!.stride,
        ldv: orientation(v.view)!.stride,
        offsetZ: z.view.offset,
        offsetV: v.view.offset,
        nextZ: nextCell(z.view),
        nextV: nextCell(v.view),
      });
      const [r, r1 = 0] = [0, 2].filter((i) => i < blocks.length).map((i) => blocks[i].view.shape.at(-1)!);
      const dispatch = matmulDispatch(B.kind === "t" ? "nt" : "nn", {
        ...SINGLE_PRODUCT,
        ...isTall
          ? { m: cells * m }
          : { m, batch: cells, inner: cells, a1: nextCell(a.view), b1: nextCell(b.view), c1: m * n },
        n,
        k,
        lda: A.stride,
        ldb: B.stride,
        ldc: n,
        offsetA: a.view.offset,
        offsetB: b.view.offset,
        scale,
        branch: {
          layout: V.kind === "t" ? (r1 > 0 ? "nt_nt" : "nt") : r1 > 0 ? "nn_nn" : "nn",
          r: r + r1,
          rows: isTall ? m : undefined,
          ...blockOf(blocks),
          ...r1 > 0 && { second: { from: r, ...blockOf(blocks.slice(2)) } },
        },
      }, { target, epilogue, isFrozen: b.isFrozen, packs: true, weight: storedAs(b.dtype) });
      return productEmission(dispatch, [...[a, b, ...blocks].map((_, input) => ({ input })), "epilogue"]);
    },
  },
  reference(inputs, { scale }, output) {
    const [m, n] = output.shape.slice(-2);
    const along = (left: ReferenceArray, right: ReferenceArray, row: number, column: number) => {
      const k = left.shape[left.shape.length - 1];
      const first = Math.floor(row / m) * k * n;
      let sum = 0;
      for (let j = 0; j < k; j++) sum += left.data[row * k + j] * right.data[first + j * n + column];
      return sum;
    };
    return Float64Array.from({ length: sizeOf(output.shape) }, (_, i) => {
      const [row, column] = [Math.floor(i / n), i % n];
      let sum = 0;
      for (let j = 0; j < inputs.length; j += 2) sum += along(inputs[j], inputs[j + 1], row, column);
      return scale * sum;
    });
  },
  vjp({ inputs, params: { scale }, cotangent, needs }) {
    const slope = scale === 1 ? cotangent : cotangent.mul(scale);
    return inputs.map((_, i) => {
      if (!needs[i]) return undefined;
      return i % 2 === 0
        ? slope.matmul(inputs[i + 1], { transposeB: true })
        : inputs[i - 1].matmul(slope, { transposeA: true });
    });
  },
  batch(site) {
    const { inputs, isMapped, cells, params } = site;
    const isShared = params.cells === undefined && !inputs.some((_, i) => i % 2 === 1 && isMapped[i]);
    if (!isShared) return batchCells(matmulSumPrimitive, site);
    // Where cells share all second operands, their rows are rows of one product.
    const rows = ofEachCell(site).map((x, i) => i % 2 === 0 ? joinCells(x) : inputs[i]);
    return partCells(apply(matmulSumPrimitive, rows, params), cells);
  },
};

/**
 * Computes `A·B + Z·V` in one pass: A `[m, k]`, B `[k, n]`, Z `[m, r]`, V `[r, n]` → `[m, n]`, in f32. It is meant for
 * a small r, such as LoRA's branch beside its base. A second pair of Z and V is added as well. Transposed views of B
 * and V are read where they lie, and B may be f16.
 *
 * Throws a TypeError where B is neither f32 nor f16 or another matrix is not f32, and a RangeError where the shapes do
 * not fit.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const [x, W] = [dd.tensor([[1, 2]]), dd.tensor([[3, 4], [5, 6]])];
 * const branch = [dd.tensor([[10]]), dd.tensor([[1, 2]])] as const;
 * console.log(await dd.matmulSum([x, W], branch).data()); // Float32Array [23, 36]
 * ```
 */
export function matmulSum(
  [a, b]: readonly [Tensor, Tensor],
  ...pairs: readonly [first: readonly [Tensor, Tensor], second?: readonly [Tensor, Tensor]]
): Tensor {
  const blocks = pairs.flatMap((pair) => pair ? [pair] : []);
  const parts = [a, b, ...blocks.flat()];
  parts.forEach((part, i) => requireDType("matmulSum", part, i === 1 ? ["f32", "f16"] : ["f32"]));
  const fits = parts.every(({ rank }) => rank === 2) && a.shape[1] === b.shape[0] &&
    blocks.every(([z, v]) => z.shape[1] === v.shape[0] && a.shape[0] === z.shape[0] && b.shape[1] === v.shape[1]);
  if (!fits) {
    const products = [[a, b], ...blocks].map(([x, y]) => `${formatShape(x.shape)} · ${formatShape(y.shape)}`);
    throw new RangeError(`matmulSum: ${products.join(" and ")} have no sum`);
  }
  // A sum of nothing is left out: no kernel could bind it.
  const products = [[a, b], ...blocks].filter(([left]) => left.shape[1] > 0);
  if (products.length === 0) return zeros([a.shape[0], b.shape[1]]);
  if (products.length === 1 || a.shape[1] === 0) {
    return products.map(([left, right]) => matmul(left, right)).reduce((x, y) => add(x, y));
  }
  return apply(matmulSumPrimitive, products.flat(), { scale: 1 });
}
