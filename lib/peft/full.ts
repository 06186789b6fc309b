import { copy } from "../ops/mod.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { BaseParams, Method } from "./method.ts";
import { defineMethod, type MethodDescription } from "./method_description.ts";
import { DEFAULT_HEADS, isBuffer, selectHeads, selectTargets, type TargetPattern } from "./targets.ts";

/** What full fine-tuning trains: parameters under their names. */
export type FullTrainable = Readonly<Record<string, Tensor>>;

/** Options of {@linkcode full}. */
export interface FullOptions {
  /** Which linear layers' weights are trained, beside the heads; every parameter by default. */
  readonly targets?: TargetPattern;
  /**
   * Which parameters are trained whole beside the targets, searched in the paths of modules; classifiers and poolers by
   * default.
   */
  readonly heads?: RegExp;
}

function count(params: BaseParams): number {
  return Object.values(params).reduce((sum, { size }) => sum + size, 0);
}

/**
 * Full fine-tuning: every parameter is trained, buffers aside (BART's `final_logits_bias`), as a copy in f32, or with `targets` the weights of those layers and the
 * heads. There is no adapter, so that `export` throws an Error; `merge` gives the parameters.
 *
 * `init` throws a TypeError where what it trains is kept in f16, in which small steps vanish, and a RangeError where a pattern of
 * targets matches nothing.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const base = { "query.weight": dd.ones([3, 4]), "query.bias": dd.ones([3]) };
 * const method = dd.peft.full();
 * console.log(method.describe({ base, ...method.init(dd.random.key(0), base) }).trainableParameters); // 15
 * ```
 */
export function full(options: FullOptions = {}): Method<FullTrainable, Record<string, never>> {
  return wholeWeights("full", options);
}

/** {@linkcode full} by another name, of methods that are optimizers of the targets' own weights. */
export function wholeWeights(
  name: string,
  { targets, heads }: FullOptions,
): Method<FullTrainable, Record<string, never>> {
  const namesIn = (base: BaseParams): string[] => {
    if (targets === undefined) return Object.keys(base).filter((name) => !isBuffer(name));
    const weights = selectTargets(base, targets, heads).map((path) => `${path}.weight`);
    return [...weights, ...selectHeads(base, heads ?? DEFAULT_HEADS)];
  };
  return {
    name,
    isWhole: true,
    init(_, base) {
      const names = namesIn(base);
      const half = names.find((name) => base[name].dtype === "f16");
      if (half !== undefined) {
        throw new TypeError(
          `${name}: cannot train ${half} as it is kept in f16, where small steps vanish: load the weights as f32 ` +
            "(`model.weights` f32)",
        );
      }
      return {
        trainable: Object.fromEntries(names.map((name) => [name, copy(base[name], { dtype: "f32" })])),
        aux: {},
      };
    },
    writes: () => [],
    adapt: (base, trainable) => ({ ...base, ...trainable }),
    after: ({ base, trainable, aux }) => ({ base, trainable, aux }),
    merge: ({ base, trainable }) => ({ ...base, ...trainable }),
    export: () => {
      throw new Error(
        `${name === "full" ? "full fine-tuning" : name} has no adapter: save its parameters with saveSafetensors()`,
      );
    },
    describe: ({ base, trainable }) => ({
      trainableParameters: count(trainable),
      totalParameters: count({ ...base, ...trainable }),
    }),
  };
}

/** The description of {@linkcode full} for trainers, command lines and records: its recipe; it has no options. */
export const fullMethod: MethodDescription = defineMethod({
  name: "full",
  summary: "every parameter is trained",
  options: {},
  make: () => full(),
  recipe: { learningRate: 5e-4 },
  learningRate: 2e-5,
  trainsWeights: true,
});
