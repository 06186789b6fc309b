import { add, matmul, mul } from "../ops/mod.ts";
import type { ProjectedWeight } from "../nn/linear.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Tree } from "../tensor/tree.ts";

/** A factored matrix scale · left · right: left `[out, r]`, right `[r, in]`. */
export interface Factored {
  readonly left: Tensor;
  readonly right: Tensor;
  /** A number, or an f32 scalar. */
  readonly scale: Tensor | number;
}

/** W plus factored matrices, none of which is ever formed: x ↦ x Wᵀ + Σ scale · (x rightᵀ) leftᵀ. */
export class LowRankWeight implements ProjectedWeight {
  constructor(readonly W: Tensor, readonly parts: readonly Factored[]) {}

  project(x: Tensor): Tensor {
    return this.parts.reduce((y, { left, right, scale }) => {
      const inner = matmul(x, right, { transposeB: true });
      // The narrow side is scaled: it is the smaller one.
      return add(y, matmul(mul(inner, scale), left, { transposeB: true }));
    }, matmul(x, this.W, { transposeB: true }));
  }

  treeParts(): readonly Tree[] {
    return [this.W, this.parts];
  }

  withTreeParts([W, parts]: readonly Tree[]): LowRankWeight {
    return new LowRankWeight(W, parts);
  }
}
