import type { LowRank } from "../ops/low_rank.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** The factors of one target, by their names in PEFT, and anything of their shapes: their gradients, their updates. */
export interface Factors {
  /** The factor that meets the input, `[r, in]`. */
  readonly A: Tensor;
  /** The factor that gives the output, `[out, r]`. */
  readonly B: Tensor;
}

/** What low-rank methods train: factors by path, and whole parameters of the heads by name. */
export interface LowRankTrainable<F = Factors> {
  /** What is trained of each target, by the target's path. */
  readonly factors: Readonly<Record<string, F>>;
  /** Parameters that are trained whole, by name. */
  readonly heads: Readonly<Record<string, Tensor>>;
}

/**
 * The change of a weight by its factors, scale·B·A `[out, in]`, as a factored matrix that `addLowRank` and {@linkcode
 * LowRankWeight} take. The scale is a number or an f32 scalar.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const factors = { A: dd.tensor([[1, 2]]), B: dd.tensor([[3], [4]]) };
 * const W = dd.addLowRank(dd.zeros([2, 2]), dd.peft.changeOf(factors, 0.5));
 * console.log(await W.data()); // Float32Array [1.5, 3, 2, 4]
 * ```
 */
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
  /** α of targets, by keys likewise. */
  readonly alphaPattern?: Readonly<Record<string, number>>;
  /**
   * `rank-stabilized` weighs the product α/√r ([rsLoRA](https://arxiv.org/abs/2312.03732)); `standard`, the default,
   * α/r.
   */
  readonly scaling?: "standard" | "rank-stabilized";
}
