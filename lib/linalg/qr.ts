import { linearGrid } from "../../kernels/kernel.ts";
import { qrKernel, qrOperations, qrUniforms } from "../../kernels/qr.ts";
import { batchInFront } from "../ops/batching.ts";
import { requireDType } from "../ops/elementwise.ts";
import { zeros } from "../ops/full.ts";
import { apply, type Primitive } from "../ops/primitive.ts";
import { slice } from "../ops/slice.ts";
import { formatShape, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { solveUpper } from "./solve_upper.ts";
import { mirrorLower, upperPart } from "./triangles.ts";

/** Applies the reflection by column `k`, whose first element is 1, to the columns behind it. */
function reflect(a: Float64Array, [m, n]: readonly number[], k: number, factor: number): void {
  const of = (i: number) => i === k ? 1 : a[i * n + k];
  for (let j = k + 1; j < n; j++) {
    let total = 0;
    for (let i = k; i < m; i++) total += of(i) * a[i * n + j];
    for (let i = k; i < m; i++) a[i * n + j] -= factor * total * of(i);
  }
}

/** Makes Q of a matrix `[m, n]` in its place, and R. */
function factorize(a: Float64Array, r: Float64Array, [m, n]: readonly number[]): void {
  const factors = new Float64Array(n);
  for (let k = 0; k < n; k++) {
    const alpha = a[k * n + k];
    let below = 0;
    for (let i = k + 1; i < m; i++) below += a[i * n + k] ** 2;
    const beta = below === 0 ? alpha : (alpha >= 0 ? -1 : 1) * Math.sqrt(alpha ** 2 + below);
    factors[k] = below === 0 ? 0 : (beta - alpha) / beta;
    for (let i = k + 1; i < m; i++) a[i * n + k] *= below === 0 ? 0 : 1 / (alpha - beta);
    a[k * n + k] = beta;
    reflect(a, [m, n], k, factors[k]);
  }
  r.set(a.subarray(0, n * n).map((x, i) => Math.floor(i / n) <= i % n ? x : 0));
  for (let k = n - 1; k >= 0; k--) {
    reflect(a, [m, n], k, factors[k]);
    for (let i = 0; i < m; i++) a[i * n + k] = i < k ? 0 : i === k ? 1 - factors[k] : -factors[k] * a[i * n + k];
  }
}

/** Rows of the last but one axis, from one on. */
export function rowsOf(x: Tensor, from: number, count: number): Tensor {
  const rows = x.rank - 2;
  return slice(x, {
    start: x.shape.map((_, axis) => axis === rows ? from : 0),
    size: x.shape.map((size, axis) => axis === rows ? count : size),
  });
}

/** Q `[..., m, n]` and below it R `[..., n, n]` of matrices with m ≥ n. */
export const qrPrimitive: Primitive<undefined> = {
  name: "qr",
  infer: ([{ shape }]) => ({
    shape: shape.map((size, axis) => axis === shape.length - 2 ? size + shape[axis + 1] : size),
    dtype: "f32",
  }),
  lowering: {
    kind: "kernel",
    emit({ inputs: [{ view: { shape } }] }) {
      const [m, n] = shape.slice(-2);
      const sizes = { count: sizeOf(shape.slice(0, -2)), m, n };
      return {
        dispatches: [{
          kernel: qrKernel(),
          grid: linearGrid(sizes.count),
          uniforms: qrUniforms(sizes),
          buffers: [{ input: 0 }, { scratch: 0 }, "output"],
          operations: qrOperations(sizes),
        }],
        scratch: [sizes.count * n * 4],
      };
    },
  },
  reference([x], _, output) {
    const [m, n] = x.shape.slice(-2);
    const result = new Float64Array(sizeOf(output.shape));
    for (let k = 0; k < x.data.length / (m * n); k++) {
      const both = result.subarray(k * (m + n) * n, (k + 1) * (m + n) * n);
      both.set(x.data.subarray(k * m * n, (k + 1) * m * n));
      factorize(both.subarray(0, m * n), both.subarray(m * n), [m, n]);
    }
    return result;
  },
  // Ā = (Q̄ + Q·sym(R·R̄ᵀ − Q̄ᵀ·Q))·R⁻ᵀ, the symmetric matrix being that of the lower triangle.
  vjp({ inputs: [x], output, cotangent }) {
    const [m, n] = x.shape.slice(-2);
    const [q, r] = [rowsOf(output, 0, m), rowsOf(output, m, n)];
    const [byQ, byR] = [rowsOf(cotangent, 0, m), upperPart(rowsOf(cotangent, m, n))];
    const inner = mirrorLower(r.matmul(byR, { transposeB: true }).sub(byQ.matmul(q, { transposeA: true })));
    return [solveUpper(byQ.add(q.matmul(inner)), r, { transposed: true })];
  },
  batch: (site) => batchInFront(qrPrimitive, site),
};

/**
 * Factorizes thin matrices, `[..., m, n]` with m ≥ n in f32, into Q `[..., m, n]` with orthonormal columns and an upper
 * triangular R `[..., n, n]`, so that Q·R is the matrix: by Householder's reflections, with the signs that LAPACK and
 * NumPy give R. Q is orthonormal whatever the rank is. One workgroup works on each matrix, so this is for up to some
 * hundred columns; the same matrix gives the same bits. Squares of the elements must be numbers of f32.
 *
 * Derivatives are those of a matrix of full rank ([Seeger et al. 2017](https://arxiv.org/abs/1710.08717)).
 *
 * Throws a TypeError where `x` is not f32, and a RangeError where it is no matrix, or has more columns than rows.
 *
 * @see [jax.numpy.linalg.qr](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.linalg.qr.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const [q, r] = dd.linalg.qr(dd.tensor([[3, 1], [4, 2]]));
 * console.log(await r.data()); // ≈ Float32Array [-5, -2.2, 0, 0.4]
 * console.log(await q.matmul(r).data()); // ≈ Float32Array [3, 1, 4, 2]
 * ```
 */
export function qr(x: Tensor): [q: Tensor, r: Tensor] {
  requireDType("linalg.qr", x, ["f32"]);
  const [m, n] = x.shape.slice(-2);
  if (x.rank < 2 || m < n) {
    throw new RangeError(
      `linalg.qr: needs matrices with as many rows as columns at least, and got ${formatShape(x.shape)}`,
    );
  }
  if (x.size === 0) return [x, zeros([...x.shape.slice(0, -2), n, n])];
  const both = apply(qrPrimitive, [x], undefined);
  return [rowsOf(both, 0, m), rowsOf(both, m, n)];
}
