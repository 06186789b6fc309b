import { addLowRank, cast, mul, zeros } from "../ops/mod.ts";
import * as random from "../ops/random_mod.ts";
import type { Key } from "../ops/random.ts";
import type { Params, Weight } from "../nn/linear.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Tree, treeLeaves } from "../tensor/tree.ts";
import type { BranchDropout, Factored } from "./low_rank_weight.ts";
import type { Adapter, BaseParams, MethodReport, MethodState } from "./method.ts";
import { DEFAULT_HEADS, selectHeads, selectTargets, type TargetPattern } from "./targets.ts";

/** The factors of one target: A `[r, in]`, B `[out, r]`. */
export interface Factors {
  readonly A: Tensor;
  readonly B: Tensor;
}

/** What low-rank methods train: factors by path, and whole parameters of the heads by name. */
export interface LowRankTrainable<F = Factors> {
  readonly factors: Readonly<Record<string, F>>;
  readonly heads: Readonly<Record<string, Tensor>>;
}

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

/** Options by which targets may differ, as in PEFT's `rank_pattern`, `alpha_pattern` and `use_rslora`. */
export interface LowRankPatterns {
  /** Ranks of targets whose path ends with a key, or matches it as a regular expression up to its end. */
  readonly rankPattern?: Readonly<Record<string, number>>;
  /** α of targets, likewise. */
  readonly alphaPattern?: Readonly<Record<string, number>>;
  /** `rank-stabilized` weighs the product α/√r (rsLoRA, 2312.03732); `standard`, the default, α/r. */
  readonly scaling?: "standard" | "rank-stabilized";
}

/** The value of the first key that ends a path, as PEFT looks it up. */
function lookUp(pattern: Readonly<Record<string, number>> | undefined, path: string): number | undefined {
  const found = Object.keys(pattern ?? {}).find((key) => new RegExp(`(?:.*\\.)?(?:${key})$`).test(path));
  return found === undefined ? undefined : pattern![found];
}

/** Rank and scale of one target. */
export function settingOf(
  path: string,
  { rank, alpha, rankPattern, alphaPattern, scaling }: Pick<LowRankOptions, "rank" | "alpha"> & LowRankPatterns,
): { readonly rank: number; readonly scale: number } {
  const own = lookUp(rankPattern, path) ?? rank;
  const weight = lookUp(alphaPattern, path) ?? alpha;
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
): (path: string, factors: Factors) => Factored {
  return (path, { A, B }) => ({ left: B, right: A, scale: settingOf(path, options).scale });
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
  changesOf: (path: string, factors: F) => readonly Factored[],
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

/** What PEFT writes before the names of an adapter's tensors. */
export const PEFT_PREFIX = "base_model.model.";

/** What an adapter's files are made of. */
export interface AdapterParts {
  readonly settings: Adapter["config"];
  readonly targets: readonly string[];
  /** Parts of each target by the endings of their names. */
  readonly parts: Readonly<Record<string, (target: string) => Tensor>>;
  /** What is saved whole. */
  readonly heads: Readonly<Record<string, Tensor>>;
}

/** An adapter in PEFT's files, of whatever kind its settings say. */
export function adapterFiles({ settings, targets, parts, heads }: AdapterParts): Adapter {
  const modules = [...new Set(Object.keys(heads).map((name) => name.replace(/\.(weight|bias)$/, "")))];
  const named = [
    ...Object.entries(parts).flatMap(([ending, partOf]) =>
      targets.map((target) => [`${target}${ending}`, partOf(target)] as const)
    ),
    ...Object.entries(heads),
  ];
  return {
    config: {
      task_type: modules.length > 0 ? "SEQ_CLS" : null,
      base_model_name_or_path: null,
      inference_mode: true,
      target_modules: targets,
      modules_to_save: modules.length > 0 ? modules : null,
      ...settings,
    },
    tensors: Object.fromEntries(named.map(([name, tensor]) => [`${PEFT_PREFIX}${name}`, tensor])),
  };
}

/** An adapter of LoRA's kind for Hugging Face PEFT: settings, parts of targets, and heads saved whole. */
export function peftAdapter({ settings, ...rest }: AdapterParts): Adapter {
  return adapterFiles({ ...rest, settings: { lora_dropout: 0, bias: "none", fan_in_fan_out: false, ...settings } });
}

/** An adapter of LoRA's form for Hugging Face PEFT; `factors` hold A `[r, in]` and B `[out, r]`. */
export function loraAdapter(
  { rank, alpha, factors, heads, magnitudes, dropout = 0, rankPattern = {}, alphaPattern = {}, scaling }: {
    readonly rank: number;
    readonly alpha: number;
    readonly factors: Readonly<Record<string, Factors>>;
    readonly heads: Readonly<Record<string, Tensor>>;
    /** DoRA's magnitudes, `[out]` each. */
    readonly magnitudes?: Readonly<Record<string, Tensor>>;
    readonly dropout?: number;
  } & LowRankPatterns,
): Adapter {
  return peftAdapter({
    settings: {
      peft_type: "LORA",
      r: rank,
      lora_alpha: alpha,
      lora_dropout: dropout,
      rank_pattern: rankPattern,
      alpha_pattern: alphaPattern,
      use_rslora: scaling === "rank-stabilized",
      use_dora: magnitudes !== undefined,
      init_lora_weights: true,
    },
    targets: Object.keys(factors),
    parts: {
      ".lora_A.weight": (target) => factors[target].A,
      ".lora_B.weight": (target) => factors[target].B,
      ...magnitudes && { ".lora_magnitude_vector": (target: string) => magnitudes[target] },
    },
    heads,
  });
}
