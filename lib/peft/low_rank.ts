import { addLowRank, cast, mul, zeros } from "../ops/mod.ts";
import type { LowRank } from "../ops/low_rank.ts";
import * as random from "../ops/random_mod.ts";
import type { Key } from "../ops/random.ts";
import type { Params, Weight } from "../nn/linear.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Tree, treeLeaves } from "../tensor/tree.ts";
import type { BranchDropout } from "./low_rank_weight.ts";
import { patternValue } from "./files/pattern_value.ts";
import { changeOf, type Factors, type LowRankPatterns, type LowRankTrainable } from "./factors.ts";
import type { BaseParams, MethodReport, MethodState } from "./method.ts";
import { DEFAULT_HEADS, selectHeads, selectTargets, type TargetPattern } from "./targets.ts";

export type { Factors, LowRankPatterns, LowRankTrainable } from "./factors.ts";

/** Options that all low-rank methods share. */
export interface LowRankOptions {
  /** r: rank of the factors. */
  readonly rank: number;
  /** α: the product of the factors weighs α/r. */
  readonly alpha: number;
  /** Which linear layers get factors. */
  readonly targets: TargetPattern;
  /** Which parameters are trained whole beside them: classifiers and poolers by default. */
  readonly heads?: RegExp;
  /** Rate at which the branch's input drops out in training, as PEFT's `lora_dropout`; 0 by default. */
  readonly dropout?: number;
}

/** Rank and scale of one target. */
export function settingOf(
  path: string,
  { rank, alpha, rankPattern, alphaPattern, scaling }: Pick<LowRankOptions, "rank" | "alpha"> & LowRankPatterns,
): { readonly rank: number; readonly scale: number } {
  const own = patternValue(rankPattern, path) ?? rank;
  const weight = patternValue(alphaPattern, path) ?? alpha;
  return { rank: own, scale: weight / (scaling === "rank-stabilized" ? Math.sqrt(own) : own) };
}

/** Checks a rank. Throws a RangeError where it is no positive whole number. */
export function requireRank(method: string, rank: number): void {
  if (!Number.isInteger(rank) || rank < 1) {
    throw new RangeError(`${method}: a rank is a whole number from 1, not ${rank}`);
  }
}

/** Checks a rate of dropout. Throws a RangeError where it is not in [0, 1). */
export function requireDropout(method: string, { dropout = 0 }: Pick<LowRankOptions, "dropout">): void {
  if (!(dropout >= 0 && dropout < 1)) throw new RangeError(`${method}: dropout lies in [0, 1), not ${dropout}`);
}

/** Checks all ranks that options name. Throws a RangeError where one is no positive whole number. */
export function requireRanks(method: string, { rank, rankPattern = {} }: { readonly rank: number } & LowRankPatterns) {
  for (const one of [rank, ...Object.values(rankPattern)]) requireRank(method, one);
}

/** The change of a target's weight: its factors at the scale that options give it. */
export function factoredBy(
  options: Pick<LowRankOptions, "rank" | "alpha"> & LowRankPatterns,
): (path: string, factors: Factors) => LowRank<Tensor> {
  return (path, factors) => changeOf(factors, settingOf(path, options).scale);
}

/** The same values as an f32 tensor of its own, which may be given up and written while the other stays. */
export function copyOf(x: Tensor): Tensor {
  return x.dtype === "f16" ? cast(x, "f32") : mul(x, 1);
}

/** Heads as trainables of their own. */
export function takeHeads(base: BaseParams, heads: RegExp = DEFAULT_HEADS): Record<string, Tensor> {
  return Object.fromEntries(selectHeads(base, heads).map((name) => [name, copyOf(base[name])]));
}

/** A uniform on ±1/√in (Kaiming with a = √5, as `torch.nn.Linear` begins), B zero. */
export function initialFactors(
  key: Key,
  base: BaseParams,
  targets: readonly string[],
  rankOf: (path: string) => number,
): Record<string, Factors> {
  return Object.fromEntries(targets.map((path, i) => {
    const [output, input] = base[`${path}.weight`].shape;
    const bound = 1 / Math.sqrt(input);
    const rank = rankOf(path);
    return [path, {
      A: random.uniform(random.foldIn(key, i), [rank, input], { min: -bound, max: bound }),
      B: zeros([output, rank]),
    }];
  }));
}

/** Targets, factors and heads of a method. */
export function initialTrainable(
  key: Key,
  base: BaseParams,
  options: LowRankOptions & LowRankPatterns,
): LowRankTrainable {
  const targets = selectTargets(base, options.targets, options.heads);
  const rankOf = (path: string) => settingOf(path, options).rank;
  return { factors: initialFactors(key, base, targets, rankOf), heads: takeHeads(base, options.heads) };
}

/** A target that is about to be adapted. */
export interface AdaptedTarget<F> {
  readonly path: string;
  /** The base's own weight `[out, in]`. */
  readonly W: Tensor;
  readonly factors: F;
  /** What its branch drops out in this step, if anything. */
  readonly dropout?: BranchDropout;
}

/**
 * The base with heads in their places and at each target the weight that `weightOf` makes. With a key the branches drop
 * out at the rate `dropout`, each with a key of its own.
 */
export function adaptWith<F>(
  { base, trainable: { factors, heads }, dropout: rate = 0, key }: {
    readonly base: BaseParams;
    readonly trainable: LowRankTrainable<F>;
    readonly dropout?: number;
    readonly key?: Key;
  },
  weightOf: (target: AdaptedTarget<F>) => Weight,
): Params {
  const targets = Object.entries(factors);
  const keys = key && rate > 0 ? random.foldInEach(key, targets.length) : [];
  const weights = targets.map(([path, own], i): [string, Weight] => {
    const name = `${path}.weight`;
    return [name, weightOf({ path, W: base[name], factors: own, dropout: keys[i] && { rate, key: keys[i] } })];
  });
  return { ...base, ...heads, ...Object.fromEntries(weights) };
}

/** The base with heads in their places and factored changes added to the weights of targets, which are f32 then. */
export function mergeWith<F>(
  { base, trainable: { factors, heads } }: Pick<MethodState<LowRankTrainable<F>>, "base" | "trainable">,
  changesOf: (path: string, factors: F) => readonly LowRank<Tensor>[],
): BaseParams {
  const merged = Object.entries(factors).map(([path, own]): [string, Tensor] => {
    const name = `${path}.weight`;
    return [name, changesOf(path, own).reduce((W, part) => addLowRank(W, part), cast(base[name], "f32"))];
  });
  return { ...base, ...heads, ...Object.fromEntries(merged) };
}

/** Counts parameters of a base, and what a method adds beside its heads. */
export function countParameters(base: BaseParams, trainable: LowRankTrainable<Tree>): MethodReport {
  const sizes = (tree: Tree) => treeLeaves(tree).reduce((sum, { size }) => sum + size, 0);
  const factors = sizes(trainable.factors);
  return { trainableParameters: factors + sizes(trainable.heads), totalParameters: sizes(base) + factors };
}
