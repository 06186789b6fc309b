import { matmulSum } from "../ops/mod.ts";
import { dropout } from "../nn/dropout.ts";
import type { ProjectedWeight } from "../nn/linear.ts";
import type { LowRank } from "../ops/low_rank.ts";
import type { Key } from "../ops/random.ts";
import { Tensor } from "../tensor/tensor.ts";
import { customVjp } from "../transform/mod.ts";

/** What a branch drops of its input in a step of training. */
export interface BranchDropout {
  /** Probability in [0, 1) with which an element is set to zero. */
  readonly rate: number;
  /** What the zeros are drawn from. */
  readonly key: Key;
}

/**
 * scale · (x rightᵀ), `[rows, r]`: the narrow side is scaled, since it is the smaller one. The scale may be one of each of
 * the r components.
 */
function narrow(x: Tensor, { right, scale }: LowRank<Tensor>): Tensor {
  return x.matmul(right, { transposeB: true }).mul(scale);
}

/**
 * x Wᵀ + scale · (x rightᵀ) leftᵀ, x `[rows, in]`: base and branch in one pass, and so are both parts of the derivative by
 * x, which the rules of the single operations would add up in two.
 */
const projectOnce = customVjp(
  (x: Tensor, W: Tensor, part: LowRank<Tensor>) =>
    matmulSum([x, W.transpose()], [narrow(x, part), part.left.transpose()]),
  {
    forward(x: Tensor, W: Tensor, part: LowRank<Tensor>) {
      const inner = x.matmul(part.right, { transposeB: true });
      const scaled = inner.mul(part.scale);
      const value = matmulSum([x, W.transpose()], [scaled, part.left.transpose()]);
      return { value, residuals: { x, W, left: part.left, right: part.right, scale: part.scale, inner, scaled } };
    },
    backward({ x, W, left, right, scale, inner, scaled }, cotangent: Tensor) {
      const slope = cotangent.matmul(left);
      const toInner = slope.mul(scale);
      return [
        matmulSum([cotangent, W], [toInner, right]),
        cotangent.matmul(x, { transposeA: true }),
        {
          left: cotangent.matmul(scaled, { transposeA: true }),
          right: toInner.matmul(x, { transposeA: true }),
          // Nothing is computed of it where nobody asks, as for an α that is data.
          scale: scale instanceof Tensor ? slope.mul(inner).sum({ axis: scale.rank === 0 ? undefined : 0 }) : scale,
        },
      ];
    },
  },
);

/** The last axis of x by a function of matrices `[rows, in]` → `[rows, out]`. */
export function onRows(x: Tensor, project: (rows: Tensor) => Tensor): Tensor {
  const y = project(x.reshape([-1, x.shape[x.rank - 1]]));
  return y.reshape([...x.shape.slice(0, -1), y.shape[1]]);
}

/**
 * A weight W `[out, in]` plus factored matrices, none of which is ever formed: x ↦ x Wᵀ + Σ scale · (x rightᵀ) leftᵀ.
 * A scale may also be a tensor `[r]`, a number for each component. With dropout the first part gets x with elements
 * dropped, like PEFT's `lora_dropout`; W and the others get all of x.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const change = { left: dd.tensor([[1], [0]]), right: dd.tensor([[1, 1]]), scale: 10 };
 * const weight = new dd.peft.LowRankWeight(dd.ones([2, 2]), [change]);
 * console.log(await weight.project(dd.tensor([[1, 2]])).data()); // Float32Array [33, 3]
 * ```
 */
export class LowRankWeight implements ProjectedWeight {
  constructor(readonly W: Tensor, readonly parts: readonly LowRank<Tensor>[], readonly dropout?: BranchDropout) {}

  #start(rows: Tensor, first: LowRank<Tensor> | undefined): Tensor {
    if (!first) return rows.matmul(this.W, { transposeB: true });
    if (!this.dropout) return projectOnce(rows, this.W, first);
    const inner = narrow(dropout(rows, this.dropout), first);
    return matmulSum([rows, this.W.transpose()], [inner, first.left.transpose()]);
  }

  /** x `[..., in]` times the transposed weight, with what was added to it: `[..., out]`. */
  project(x: Tensor): Tensor {
    const [first, ...others] = this.parts;
    return onRows(x, (rows) =>
      others.reduce(
        (sum, part) => sum.add(narrow(rows, part).matmul(part.left, { transposeB: true })),
        this.#start(rows, first),
      ));
  }

  /** The tensors inside, for functions of trees. */
  treeParts(): [W: Tensor, parts: readonly LowRank<Tensor>[], dropout: BranchDropout | undefined] {
    return [this.W, this.parts, this.dropout];
  }

  /** A weight like this one with other tensors inside. */
  withTreeParts([W, parts, dropout]: ReturnType<LowRankWeight["treeParts"]>): LowRankWeight {
    return new LowRankWeight(W, parts, dropout);
  }
}
