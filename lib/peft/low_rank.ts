import { addLowRank, mul, zeros } from "../ops/mod.ts";
import * as random from "../ops/random_mod.ts";
import type { Key } from "../ops/random.ts";
import type { Params, Weight } from "../nn/linear.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Tree, treeLeaves } from "../tensor/tree.ts";
import type { Factored } from "./low_rank_weight.ts";
import type { Adapter, BaseParams, MethodReport } from "./method.ts";
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
}

/** Checks a rank. Throws a RangeError where it is no positive whole number. */
export function requireRank(method: string, rank: number): void {
  if (!Number.isInteger(rank) || rank < 1) {
    throw new RangeError(`${method}: a rank is a whole number from 1, not ${rank}`);
  }
}

/** The same values as a tensor of its own, which may be given up while the other stays. */
export function copyOf(x: Tensor): Tensor {
  return mul(x, 1);
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
  rank: number,
): Record<string, Factors> {
  return Object.fromEntries(targets.map((path, i) => {
    const [output, input] = base[`${path}.weight`].shape;
    const bound = 1 / Math.sqrt(input);
    return [path, {
      A: random.uniform(random.foldIn(key, i), [rank, input], { min: -bound, max: bound }),
      B: zeros([output, rank]),
    }];
  }));
}

/** Targets, factors and heads of a method. */
export function initialTrainable(key: Key, base: BaseParams, options: LowRankOptions): LowRankTrainable {
  const targets = selectTargets(base, options.targets);
  return { factors: initialFactors(key, base, targets, options.rank), heads: takeHeads(base, options.heads) };
}

/** The base with heads and weights of targets in their places. */
export function adaptWith(
  base: BaseParams,
  heads: Readonly<Record<string, Tensor>>,
  weights: Readonly<Record<string, Weight>>,
): Params {
  const targets = Object.entries(weights).map(([path, weight]) => [`${path}.weight`, weight]);
  return { ...base, ...heads, ...Object.fromEntries(targets) };
}

/** The base with heads in their places and factored changes added to the weights of targets. */
export function mergeWith(
  base: BaseParams,
  heads: Readonly<Record<string, Tensor>>,
  changes: Readonly<Record<string, readonly Factored[]>>,
): BaseParams {
  const merged = Object.entries(changes).map(([path, parts]): [string, Tensor] => {
    const name = `${path}.weight`;
    return [name, parts.reduce((W, part) => addLowRank(W, part), base[name])];
  });
  return { ...base, ...heads, ...Object.fromEntries(merged) };
}

/** Counts parameters of a base, and what a method adds beside its heads. */
export function countParameters(base: BaseParams, trainable: LowRankTrainable<Tree>): MethodReport {
  const sizes = (tree: Tree) => treeLeaves(tree).reduce((sum, { size }) => sum + size, 0);
  const factors = sizes(trainable.factors);
  return { trainableParameters: factors + sizes(trainable.heads), totalParameters: sizes(base) + factors };
}

/** An adapter of LoRA's form for Hugging Face PEFT; `factors` hold A `[r, in]` and B `[out, r]`. */
export function loraAdapter(
  { rank, alpha, factors, heads }: {
    readonly rank: number;
    readonly alpha: number;
    readonly factors: Readonly<Record<string, Factors>>;
    readonly heads: Readonly<Record<string, Tensor>>;
  },
): Adapter {
  const prefix = "base_model.model.";
  const modules = [...new Set(Object.keys(heads).map((name) => name.replace(/\.(weight|bias)$/, "")))];
  return {
    config: {
      peft_type: "LORA",
      task_type: modules.length > 0 ? "SEQ_CLS" : null,
      base_model_name_or_path: null,
      inference_mode: true,
      r: rank,
      lora_alpha: alpha,
      lora_dropout: 0,
      bias: "none",
      fan_in_fan_out: false,
      target_modules: Object.keys(factors),
      modules_to_save: modules.length > 0 ? modules : null,
      rank_pattern: {},
      alpha_pattern: {},
      use_rslora: false,
      use_dora: false,
      init_lora_weights: true,
    },
    tensors: {
      ...Object.fromEntries(
        Object.entries(factors).flatMap(([path, { A, B }]) => [
          [`${prefix}${path}.lora_A.weight`, A],
          [`${prefix}${path}.lora_B.weight`, B],
        ]),
      ),
      ...Object.fromEntries(Object.entries(heads).map(([name, head]) => [`${prefix}${name}`, head])),
    },
  };
}
