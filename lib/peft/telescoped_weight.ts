import { add, matmulSum } from "../ops/mod.ts";
import type { LowRank } from "../ops/low_rank.ts";
import type { ProjectedWeight } from "../nn/linear.ts";
import { Tensor } from "../tensor/tensor.ts";
import { customVjp } from "../transform/mod.ts";
import type { Factors } from "./factors.ts";
import { onRows } from "./low_rank_weight.ts";

/** What a weight received of the products of its factors while they moved: scale · (left · right − anchor.B · anchor.A). */
export interface Received {
  /** The factors from which on it counts. */
  readonly anchor: Factors;
  /** f32 scalar. */
  readonly scale: Tensor;
}

/**
 * x Wᵀ + (s + c)·(x rightᵀ) leftᵀ − c·(x anchor.Aᵀ) anchor.Bᵀ, x `[rows, in]`, s the part's scale and c what was
 * received: all in one pass, and so is the derivative by x. Those by left and right are of the term with s alone.
 *
 * Everything is scaled before it is multiplied, as in {@linkcode LowRankWeight}, so that values and derivatives have its
 * bits where c is 0 and the anchor is all zeros: what the last term adds then is −0.
 */
const projectTelescoped = customVjp(
  (x: Tensor, W: Tensor, part: LowRank<Tensor>, received: Received) => forward(x, W, part, received).value,
  {
    forward,
    backward({ x, W, left, right, scale, anchor, whole, taken, inner }, cotangent: Tensor) {
      const slope = cotangent.matmul(left);
      const anchorSlope = cotangent.matmul(anchor.B);
      return [
        matmulSum([cotangent, W], [slope.mul(whole), right], [anchorSlope.mul(taken), anchor.A]),
        cotangent.matmul(x, { transposeA: true }),
        {
          left: cotangent.matmul(inner.mul(scale), { transposeA: true }),
          right: slope.mul(scale).matmul(x, { transposeA: true }),
          scale: scale instanceof Tensor ? slope.mul(inner).sum() : scale,
        },
        undefined,
      ];
    },
  },
);

function forward(x: Tensor, W: Tensor, { left, right, scale }: LowRank<Tensor>, { anchor, scale: received }: Received) {
  const [whole, taken] = [add(received, scale), received.neg()];
  const inner = x.matmul(right, { transposeB: true });
  const anchorInner = x.matmul(anchor.A, { transposeB: true }).mul(taken);
  const value = matmulSum(
    [x, W.transpose()],
    [inner.mul(whole), left.transpose()],
    [anchorInner, anchor.B.transpose()],
  );
  return { value, residuals: { x, W, left, right, scale, anchor, whole, taken, inner } };
}

/**
 * The weight of telescoped Delta-LoRA: W with its factors and the sum of all changes that it received, none of which is
 * ever formed. What it received is a constant to the factors.
 */
export class TelescopedWeight implements ProjectedWeight {
  constructor(readonly W: Tensor, readonly part: LowRank<Tensor>, readonly received: Received) {}

  project(x: Tensor): Tensor {
    return onRows(x, (rows) => projectTelescoped(rows, this.W, this.part, this.received));
  }

  treeParts(): [W: Tensor, part: LowRank<Tensor>, received: Received] {
    return [this.W, this.part, this.received];
  }

  withTreeParts([W, part, received]: ReturnType<TelescopedWeight["treeParts"]>): TelescopedWeight {
    return new TelescopedWeight(W, part, received);
  }
}
