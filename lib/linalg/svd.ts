import { requireDType } from "../ops/elementwise.ts";
import { zeros } from "../ops/full.ts";
import { apply } from "../ops/primitive.ts";
import { argsort } from "../ops/sort.ts";
import { takeAlong } from "../ops/take_along.ts";
import { where } from "../ops/where.ts";
import { formatShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { makeGroup } from "../transform/custom_vjp.ts";
import { jacobiPrimitive } from "./jacobi.ts";
import { qr, rowsOf } from "./qr.ts";
import { diagonal, diagonalOf } from "./triangles.ts";

const signOf = (x: Tensor) => where(x.less(0), -1, 1).astype("f32");

function transposed(x: Tensor): Tensor {
  return x.transpose([...x.shape.keys()].map((axis) => axis < x.rank - 2 ? axis : 2 * x.rank - 3 - axis));
}

/**
 * U, the singular values and Vᵀ. The matrix is made square by QR; its columns are turned until they are orthogonal, and
 * put in order of their lengths. U is Q of what they are then, which is orthonormal where lengths are 0, too.
 */
function factorize(x: Tensor): [Tensor, Tensor, Tensor] {
  const n = x.shape[x.rank - 1];
  const [q, r] = qr(x);
  const turned = apply(jacobiPrimitive, [r], undefined);
  const [w, v] = [rowsOf(turned, 0, n), rowsOf(turned, n, n)];
  const lengths = w.square().sum({ axis: -1 }).sqrt();
  const order = argsort(lengths, { descending: true });
  const inOrder = (rows: Tensor) => takeAlong(rows, order.expandDims(-1), { axis: -2 });
  const [p, diagonal] = qr(transposed(inOrder(w)));
  const rows = inOrder(v);
  // Signs are a property of the result: rounding does not choose them.
  const sign = signOf(takeAlong(rows, rows.abs().argmax().expandDims(-1)));
  const signs = signOf(diagonalOf(diagonal)).expandDims(-2).mul(transposed(sign));
  return [q.matmul(p.mul(signs)), takeAlong(lengths, order), rows.mul(sign)];
}

/**
 * The derivative by the matrix: (U·(F∘(UᵀŪ − ŪᵀU)·S + S·F∘(VᵀV̄ − V̄ᵀV) + diag(S̄)) + (Ū − U·UᵀŪ)·S⁻¹)·Vᵀ with
 * F = 1 / (s_j² − s_i²). Differences of equal singular values, and inverses of those that are 0, count as 0.
 */
function backward(cotangents: readonly (Tensor | undefined)[], [u, s, vt]: readonly Tensor[]): Tensor {
  const [byU, byS, byVt] = cotangents;
  const [column, row] = [s.expandDims(-1), s.expandDims(-2)];
  const gap = row.sub(column).mul(row.add(column));
  const isApart = gap.notEqual(0);
  const turnedBy = (x: Tensor) => {
    const part = where(isApart, x.div(where(isApart, gap, 1)), 0);
    return part.add(transposed(part));
  };
  const inner = [
    byU && turnedBy(u.matmul(byU, { transposeA: true })).mul(row),
    byVt && turnedBy(vt.matmul(byVt, { transposeB: true })).mul(column),
    byS && diagonal(byS),
  ].reduce((sum, part) => sum && part ? sum.add(part) : sum ?? part) ?? zeros(gap.shape);
  // What of U's derivative lies outside of its columns: nothing, where they are a basis of all.
  const isThin = u.shape[u.rank - 2] > s.shape[s.rank - 1];
  const outside = byU && isThin
    ? byU.sub(u.matmul(u.matmul(byU, { transposeA: true }))).mul(where(row.greater(0), row.pow(-1), 0))
    : undefined;
  const left = u.matmul(inner);
  return (outside ? left.add(outside) : left).matmul(vt);
}

/**
 * Singular values of matrices, `[..., m, n]` in f32: U `[..., m, k]` with orthonormal columns, the values `[..., k]` in
 * descending order, and Vᵀ `[..., k, n]` with orthonormal rows, k being the smaller of m and n, so that U·diag(s)·Vᵀ is the
 * matrix (NumPy's `full_matrices=False`). It is computed by QR and then by one-sided Jacobi rotations
 * ([Demmel and Veselić 1992](https://doi.org/10.1137/0613074)) in a fixed number of sweeps and a fixed order, on the device
 * and without reading back: the same matrix gives the same bits. One workgroup works on each matrix, so this is for a k
 * of up to some 128; of more, the sweeps are cut into dispatches that drivers' time limits allow. Work grows with k³: 0.2
 * GFLOP for a k of 128, and 49 for one of 768, which is most of a minute of a processor's core for each matrix. Of each
 * row of Vᵀ (of each column of U, where the matrix is wide) the element of largest magnitude is positive.
 *
 * Derivatives are known where singular values differ; equal ones count as if they did not turn into each other.
 *
 * Throws a TypeError where `x` is not f32, and a RangeError where it is no matrix.
 *
 * @see [jax.numpy.linalg.svd](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.linalg.svd.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const [u, s, vt] = dd.linalg.svd(dd.tensor([[0, 2], [1, 0], [0, 0]]));
 * console.log(await s.data()); // ≈ Float32Array [2, 1]
 * console.log(await vt.data()); // ≈ Float32Array [0, 1, 1, 0]
 * console.log(u.shape); // [3, 2]
 * ```
 */
export function svd(x: Tensor): [u: Tensor, s: Tensor, vt: Tensor] {
  requireDType("linalg.svd", x, ["f32"]);
  if (x.rank < 2) throw new RangeError(`linalg.svd: needs matrices, and got ${formatShape(x.shape)}`);
  const [m, n] = x.shape.slice(-2);
  if (m < n) {
    const [u, s, vt] = svd(transposed(x));
    return [transposed(vt), s, transposed(u)];
  }
  const front = x.shape.slice(0, -2);
  if (x.size === 0) return [x, zeros([...front, n]), zeros([...front, n, n])];
  // Derivatives of a derivative go through factors that are made again.
  const again = makeGroup(factorize(x), [x], (cotangents, [x]) => [backward(cotangents, svd(x))]);
  const [u, s, vt] = makeGroup(again, [x, ...again], (cotangents, [, ...factors]) => [backward(cotangents, factors)]);
  return [u, s, vt];
}
