import type { LowRank } from "../ops/low_rank.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** The factors of one target, as PEFT names them, and anything of their shapes: their gradients, their updates. */
export interface Factors {
  /** `[r, in]`. */
  readonly A: Tensor;
  /** `[out, r]`. */
  readonly B: Tensor;
}

/** What low-rank methods train: factors by path, and whole parameters of the heads by name. */
export interface LowRankTrainable<F = Factors> {
  readonly factors: Readonly<Record<string, F>>;
  readonly heads: Readonly<Record<string, Tensor>>;
}

/** The change of a weight by its factors: scale·B·A. */
export function changeOf({ A, B }: Factors, scale: Tensor | number): LowRank<Tensor> {
  return { left: B, right: A, scale };
}

/** Options by which targets may differ, as in PEFT's `rank_pattern`, `alpha_pattern` and `use_rslora`. */
export interface LowRankPatterns {
  /**
   * Ranks of targets by keys, the first of which counts that is the target's path or what follows one of its dots, as a
   * regular expression of Python's: `query` is no key of `pos_query`.
   */
  readonly rankPattern?: Readonly<Record<string, number>>;
  /** α of targets, likewise. */
  readonly alphaPattern?: Readonly<Record<string, number>>;
  /** `rank-stabilized` weighs the product α/√r (rsLoRA, 2312.03732); `standard`, the default, α/r. */
  readonly scaling?: "standard" | "rank-stabilized";
}
