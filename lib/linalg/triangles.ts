import { arange } from "../ops/arange.ts";
import { where } from "../ops/where.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** How far each element of `[n, n]` lies right of the diagonal. */
function rightOf(n: number): Tensor {
  return arange(n).expandDims(0).sub(arange(n).expandDims(1));
}

/** Square matrices `[..., n, n]` with zeros below the diagonal. */
export function upperPart(x: Tensor): Tensor {
  return where(rightOf(x.shape[x.rank - 1]).greaterEqual(0), x, 0);
}

/** Symmetric matrices of the lower triangles of square ones. */
export function mirrorLower(x: Tensor): Tensor {
  const right = rightOf(x.shape[x.rank - 1]);
  const axes = [...x.shape.keys()];
  const mirrored = x.transpose([...axes.slice(0, -2), x.rank - 1, x.rank - 2]);
  return where(right.lessEqual(0), x, mirrored);
}

/** The diagonals `[..., n]` of square matrices. */
export function diagonalOf(x: Tensor): Tensor {
  return where(rightOf(x.shape[x.rank - 1]).equal(0), x, 0).sum({ axis: -1 });
}

/** Square matrices with the elements of `[..., n]` on their diagonals. */
export function diagonal(x: Tensor): Tensor {
  return where(rightOf(x.shape[x.rank - 1]).equal(0), x.expandDims(-1), 0);
}
