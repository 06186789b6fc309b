import { add, matmul, matmulSum, mul, neg, transpose } from "../ops/mod.ts";
import type { LowRank } from "../ops/low_rank.ts";
import type { ProjectedWeight } from "../nn/linear.ts";
import type { Tensor } from "../tensor/tensor.ts";
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
 */
const projectTelescoped = customVjp(
  (x: Tensor, W: Tensor, part: LowRank<Tensor>, received: Received) => forward(x, W, part, received).value,
  {
    forward,
    backward({ x, W, left, right, scale, anchor, whole, taken, inner }, cotangent: Tensor) {
      const slope = matmul(cotangent, left);
      const anchorSlope = matmul(cotangent, anchor.B);
      return [
        matmulSum([cotangent, W], [mul(slope, whole), right], [mul(anchorSlope, taken), anchor.A]),
        matmul(cotangent, x, { transposeA: true }),
        {
          left: mul(matmul(cotangent, inner, { transposeA: true }), scale),
          right: mul(matmul(slope, x, { transposeA: true }), scale),
          scale,
        },
        undefined,
      ];
    },
  },
);

function forward(x: Tensor, W: Tensor, { left, right, scale }: LowRank<Tensor>, { anchor, scale: received }: Received) {
  const [whole, taken] = [add(received, scale), neg(received)];
  const inner = matmul(x, right, { transposeB: true });
  const anchorInner = mul(matmul(x, anchor.A, { transposeB: true }), taken);
  const value = matmulSum(
    [x, transpose(W)],
    [mul(inner, whole), transpose(left)],
    [anchorInner, transpose(anchor.B)],
  );
  return { value, residuals: { x, W, left, right, scale, anchor, whole, taken, inner } };
}

/**
 * The weight of telescoped Delta-LoRA: W with its factors and the sum of all changes that it received, none of which is
 * ever formed. What it received is a constant to the factors.
 */
export class TelescopedWeight implements ProjectedWeight {
  /** `part` has a number for its scale. */
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
