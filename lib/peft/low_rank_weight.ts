import { add, matmul, matmulSum, mul, reshape, sum, transpose } from "../ops/mod.ts";
import type { ProjectedWeight } from "../nn/linear.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Tree } from "../tensor/tree.ts";
import { customVjp } from "../transform/mod.ts";

/** A factored matrix scale · left · right: left `[out, r]`, right `[r, in]`. */
export interface Factored {
  readonly left: Tensor;
  readonly right: Tensor;
  /** A number, or an f32 scalar. */
  readonly scale: Tensor | number;
}

/** scale · (x rightᵀ), `[rows, r]`: the narrow side is scaled, since it is the smaller one. */
function narrow(x: Tensor, { right, scale }: Factored): Tensor {
  return mul(matmul(x, right, { transposeB: true }), scale);
}

/**
 * x Wᵀ + scale · (x rightᵀ) leftᵀ, x `[rows, in]`: base and branch in one pass, and so are both parts of the derivative by
 * x, which the rules of the single operations would add up in two.
 */
const projectOnce = customVjp(
  (x: Tensor, W: Tensor, part: Factored) => matmulSum([x, transpose(W)], [narrow(x, part), transpose(part.left)]),
  {
    forward(x: Tensor, W: Tensor, part: Factored) {
      const inner = matmul(x, part.right, { transposeB: true });
      const scaled = mul(inner, part.scale);
      const value = matmulSum([x, transpose(W)], [scaled, transpose(part.left)]);
      return { value, residuals: { x, W, left: part.left, right: part.right, scale: part.scale, inner, scaled } };
    },
    backward({ x, W, left, right, scale, inner, scaled }, cotangent: Tensor) {
      const slope = matmul(cotangent, left);
      const toInner = mul(slope, scale);
      return [
        matmulSum([cotangent, W], [toInner, right]),
        matmul(cotangent, x, { transposeA: true }),
        {
          left: matmul(cotangent, scaled, { transposeA: true }),
          right: matmul(toInner, x, { transposeA: true }),
          scale: scale instanceof Tensor ? sum(mul(slope, inner)) : scale,
        },
      ];
    },
  },
);

/** W plus factored matrices, none of which is ever formed: x ↦ x Wᵀ + Σ scale · (x rightᵀ) leftᵀ. */
export class LowRankWeight implements ProjectedWeight {
  constructor(readonly W: Tensor, readonly parts: readonly Factored[]) {}

  project(x: Tensor): Tensor {
    const [first, ...others] = this.parts;
    const rows = reshape(x, [-1, x.shape[x.rank - 1]]);
    const start = first ? projectOnce(rows, this.W, first) : matmul(rows, this.W, { transposeB: true });
    const y = others.reduce(
      (sum, part) => add(sum, matmul(narrow(rows, part), part.left, { transposeB: true })),
      start,
    );
    return reshape(y, [...x.shape.slice(0, -1), this.W.shape[0]]);
  }

  treeParts(): readonly Tree[] {
    return [this.W, this.parts];
  }

  withTreeParts([W, parts]: readonly Tree[]): LowRankWeight {
    return new LowRankWeight(W, parts);
  }
}
