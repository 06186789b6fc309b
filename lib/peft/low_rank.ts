import { addLowRank, copy, zeros } from "../ops/mod.ts";
import type { LowRank } from "../ops/low_rank.ts";
import { quotient, requireScalar } from "../ops/scalar.ts";
import * as random from "../ops/random_mod.ts";
import type { Key } from "../ops/random.ts";
import type { Params, Weight } from "../nn/linear.ts";
import { requireCount } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Tree, treeLeaves } from "../tensor/tree.ts";
import type { BranchDropout } from "./low_rank_weight.ts";
import { patternValue } from "./files/pattern_value.ts";
import { changeOf, type Factors, type LowRankPatterns, type LowRankTrainable } from "./factors.ts";
import type { BaseParams, MethodReport, MethodState } from "./method.ts";
import { DEFAULT_HEADS, selectHeads, selectTargets, type TargetPattern } from "./targets.ts";

/** Options that all low-rank methods share. */
export interface LowRankOptions {
  /** r: the rank of the factors, a whole number from 1. */
  readonly rank: number;
  /** α: the product of the factors weighs α/r. A number, or an f32 scalar where it is data. */
  readonly alpha: number | Tensor;
  /** Which linear layers get factors. */
  readonly targets: TargetPattern;
  /**
   * Which parameters are trained whole beside the factors, searched in the paths of modules; by default {@linkcode
   * DEFAULT_HEADS}, classifiers and poolers.
   */
  readonly heads?: RegExp;
  /**
   * Probability, in [0, 1), with which an element of the branch's input drops out in training: PEFT's
   * `lora_dropout`; 0 by default.
   */
  readonly dropout?: number;
}

/** Rank and α of all targets, but for those that patterns name. `Alpha` is a number, or a scalar where α is data. */
type Settings<Alpha = number | Tensor> = LowRankPatterns & { readonly rank: number; readonly alpha: Alpha };

/** The rank of one target. */
function rankAt(path: string, { rank, rankPattern }: Pick<Settings, "rank" | "rankPattern">): number {
  return patternValue(rankPattern, path) ?? rank;
}

/** Rank and scale of one target. */
export function settingOf(
  path: string,
  settings: Settings<number>,
): { readonly rank: number; readonly scale: number };
export function settingOf(
  path: string,
  settings: Settings,
): { readonly rank: number; readonly scale: number | Tensor };
export function settingOf(
  path: string,
  { alpha, alphaPattern, scaling, ...ranks }: Settings,
): { readonly rank: number; readonly scale: number | Tensor } {
  const own = rankAt(path, ranks);
  const weight = patternValue(alphaPattern, path) ?? alpha;
  return { rank: own, scale: quotient(weight, scaling === "rank-stabilized" ? Math.sqrt(own) : own) };
}

/** Checks α. Throws a TypeError or RangeError where it is a tensor and no f32 scalar. */
export function requireAlpha(method: string, { alpha }: Pick<LowRankOptions, "alpha">): void {
  requireScalar({ of: method, name: "alpha", value: alpha });
}

/** Checks all α of a method that divides by it or its root. Throws a RangeError where one is a number that is not above 0. */
export function requirePositiveAlpha(
  method: string,
  { alpha, alphaPattern = {} }: Pick<LowRankOptions, "alpha"> & Pick<LowRankPatterns, "alphaPattern">,
): void {
  requireAlpha(method, { alpha });
  const wrong = [alpha, ...Object.values(alphaPattern)].find((one) => typeof one === "number" && !(one > 0));
  if (wrong !== undefined) throw new RangeError(`${method}: alpha is above 0, not ${wrong}`);
}

/** Checks a rank. Throws a RangeError where it is no positive whole number. */
export function requireRank(method: string, rank: number): void {
  requireCount(method, "a rank", rank, 1);
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
  options: Settings,
): (path: string, factors: Factors) => LowRank<Tensor> {
  return (path, factors) => changeOf(factors, settingOf(path, options).scale);
}

/**
 * The parameters that are trained whole beside a method's own, such as a new classifier: copies in f32 by their names,
 * which belong in `trainable.heads`. `heads` is a pattern that is searched in the paths of modules; by default it is
 * {@linkcode DEFAULT_HEADS}, classifiers and poolers.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const base = { "query.weight": dd.ones([2, 2]), "pooler.bias": dd.ones([2]), "classifier.weight": dd.ones([3, 2]) };
 * console.log(Object.keys(dd.peft.takeHeads(base))); // ["pooler.bias", "classifier.weight"]
 * ```
 */
export function takeHeads(base: BaseParams, heads: RegExp = DEFAULT_HEADS): Record<string, Tensor> {
  return Object.fromEntries(selectHeads(base, heads).map((name) => [name, copy(base[name], { dtype: "f32" })]));
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
  options: Pick<LowRankOptions, "rank" | "targets" | "heads"> & Pick<LowRankPatterns, "rankPattern">,
): LowRankTrainable {
  const targets = selectTargets(base, options.targets, options.heads);
  return {
    factors: initialFactors(key, base, targets, (path) => rankAt(path, options)),
    heads: takeHeads(base, options.heads),
  };
}

/** A linear layer that a method adapts, handed on by {@linkcode adaptWith}. `F` is what the method trains there. */
export interface AdaptedTarget<F> {
  /** The layer's path, such as `bert.encoder.layer.0.attention.self.query`. */
  readonly path: string;
  /** The base's own weight `[out, in]`, f32 or f16. */
  readonly W: Tensor;
  /** What the method trains there. */
  readonly factors: F;
  /** What its branch drops out in this step, if anything. */
  readonly dropout?: BranchDropout;
}

/**
 * The parameters that a model is applied to, for the `adapt` of a method of one's own: the base, with what is trained whole
 * in its place, and in the place of each target's `[out, in]` matrix the weight that `weightOf` makes of it, mostly a
 * {@linkcode LowRankWeight}. The models project with it and know nothing of the method.
 *
 * With a `key`, which training steps have, and a rate of `dropout`, each target is told what its branch drops out, by a key
 * of its own.
 *
 * @example The adapted weights of LoRA, by hand
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const base = { "query.weight": dd.ones([3, 4]) };
 * const factors = { query: { A: dd.ones([2, 4]), B: dd.ones([3, 2]) } };
 * const params = dd.peft.adaptWith(
 *   { base, trainable: { factors, heads: {} } },
 *   ({ W, factors }) => new dd.peft.LowRankWeight(W, [dd.peft.changeOf(factors, 0.5)]),
 * );
 * const y = dd.nn.linear(dd.ones([1, 4]), params["query.weight"]); // x Wᵀ + 0.5·(x Aᵀ) Bᵀ
 * console.log(await y.data()); // Float32Array [8, 8, 8]
 * ```
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

/**
 * The dense parameters of an adapted model, for the `merge` of a method of one's own: the base, with what is trained
 * whole in its place, and at each target W plus the changes that `changesOf` gives for it, none of which is formed
 * before it is added. Weights of targets are f32 then, whatever they were kept in.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const base = { "query.weight": dd.ones([2, 2]) };
 * const factors = { query: { A: dd.tensor([[1, 2]]), B: dd.tensor([[1], [0]]) } };
 * const state = { base, trainable: { factors, heads: {} } };
 * const merged = dd.peft.mergeWith(state, (_, own) => [dd.peft.changeOf(own, 10)]); // W + 10·B·A
 * console.log(await merged["query.weight"].data()); // Float32Array [11, 21, 1, 1]
 * ```
 */
export function mergeWith<F>(
  { base, trainable: { factors, heads } }: Pick<MethodState<LowRankTrainable<F>>, "base" | "trainable">,
  changesOf: (path: string, factors: F) => readonly LowRank<Tensor>[],
): BaseParams {
  return mergeEach(
    { base, trainable: { factors, heads } },
    (W, own, path) => changesOf(path, own).reduce((sum, part) => addLowRank(sum, part), W.astype("f32")),
  );
}

/** The model with trained heads, and with each target's weight, `[out, in]`, replaced by what a function makes of it. */
export function mergeEach<F>(
  { base, trainable: { factors, heads } }: Pick<MethodState<LowRankTrainable<F>>, "base" | "trainable">,
  merged: (W: Tensor, factors: F, path: string) => Tensor,
): BaseParams {
  const weights = Object.entries(factors).map(([path, own]): [string, Tensor] => {
    const name = `${path}.weight`;
    return [name, merged(base[name], own, path)];
  });
  return { ...base, ...heads, ...Object.fromEntries(weights) };
}

/**
 * How many parameters are trained, and how many there are, for the `describe` of a method of one's own: `factors` come
 * in addition to the model's, `heads` are among them.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const base = { "query.weight": dd.ones([3, 4]), "classifier.weight": dd.ones([2, 3]) };
 * const factors = { query: { A: dd.ones([1, 4]), B: dd.ones([3, 1]) } };
 * const report = dd.peft.countParameters(base, { factors, heads: dd.peft.takeHeads(base) });
 * console.log(report); // { trainableParameters: 13, totalParameters: 25 }
 * ```
 */
export function countParameters(base: BaseParams, trainable: LowRankTrainable<Tree>): MethodReport {
  const sizes = (tree: Tree) => treeLeaves(tree).reduce((sum, { size }) => sum + size, 0);
  const factors = sizes(trainable.factors);
  return { trainableParameters: factors + sizes(trainable.heads), totalParameters: sizes(base) + factors };
}
