import { linearGrid } from "../../kernels/kernel.ts";
import { SOLVE_WORKGROUP, solveUpperKernel } from "../../kernels/solve_upper.ts";
import { batchInFront } from "../ops/batching.ts";
import { apply, type Primitive } from "../ops/primitive.ts";
import { sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { upperPart } from "./triangles.ts";

/** Parameters of {@linkcode solveUpperPrimitive}. */
export interface SolveUpperParams {
  /** Whether the matrix is Rᵀ. */
  readonly transposed: boolean;
}

/** X with X·R = B, or X·Rᵀ = B: B `[..., m, n]`, R `[..., n, n]`, of which only the upper triangle counts. */
export const solveUpperPrimitive: Primitive<SolveUpperParams> = {
  name: "solveUpper",
  infer: ([b]) => ({ shape: b.shape, dtype: "f32" }),
  lowering: {
    kind: "kernel",
    emit({ output: { shape }, params: { transposed } }) {
      const [m, n] = shape.slice(-2);
      const rows = sizeOf(shape) / n;
      return {
        dispatches: [{
          kernel: solveUpperKernel(transposed),
          grid: linearGrid(Math.ceil(rows / SOLVE_WORKGROUP)),
          uniforms: Uint32Array.of(rows, m, n, 0),
          buffers: [{ input: 0 }, { input: 1 }, "output"],
          operations: rows * n ** 2,
        }],
      };
    },
  },
  reference([b, r], { transposed }) {
    const [m, n] = b.shape.slice(-2);
    const result = b.data.slice();
    for (let row = 0; row < result.length; row += n) {
      const upper = Math.floor(row / (m * n)) * n * n;
      for (let step = 0; step < n; step++) {
        const j = transposed ? n - 1 - step : step;
        const [from, to] = transposed ? [j + 1, n] : [0, j];
        for (let k = from; k < to; k++) {
          result[row + j] -= result[row + k] * r.data[upper + (transposed ? j * n + k : k * n + j)];
        }
        result[row + j] /= r.data[upper + j * n + j];
      }
    }
    return result;
  },
  vjp({ inputs: [, r], output, params: { transposed }, cotangent, needs }) {
    const byB = apply(solveUpperPrimitive, [cotangent, r], { transposed: !transposed });
    const [left, right] = transposed ? [byB, output] : [output, byB];
    return [byB, needs[1] ? upperPart(left.matmul(right, { transposeA: true })).neg() : undefined];
  },
  batch: (site) => batchInFront(solveUpperPrimitive, site),
};

/** X with X·R = B, or X·Rᵀ = B where `transposed`, for an upper triangular R. */
export function solveUpper(b: Tensor, r: Tensor, params: SolveUpperParams): Tensor {
  return b.size === 0 ? b : apply(solveUpperPrimitive, [b, r], params);
}
