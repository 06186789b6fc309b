import { copy } from "../ops/mod.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { BaseParams, Method } from "./method.ts";
import { defineMethod, type MethodDescription } from "./method_description.ts";

/** What full fine-tuning trains: every parameter under its name. */
export type FullTrainable = Readonly<Record<string, Tensor>>;

function count(params: BaseParams): number {
  return Object.values(params).reduce((sum, { size }) => sum + size, 0);
}

/**
 * Full fine-tuning: every parameter is trained, as a copy in f32. There is no adapter, so that `export` throws an
 * Error; `merge` gives the parameters.
 *
 * `init` throws a TypeError where a parameter is kept in f16, in which small steps vanish.
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
export function full(): Method<FullTrainable, Record<string, never>> {
  return {
    name: "full",
    isWhole: true,
    init(_, base) {
      const half = Object.keys(base).find((name) => base[name].dtype === "f16");
      if (half !== undefined) {
        throw new TypeError(
          `full: cannot train ${half} as it is kept in f16, where small steps vanish: load the weights as f32 ` +
            "(`model.weights` f32)",
        );
      }
      return {
        trainable: Object.fromEntries(
          Object.entries(base).map(([name, value]) => [name, copy(value, { dtype: "f32" })]),
        ),
        aux: {},
      };
    },
    writes: () => [],
    adapt: (_, trainable) => trainable,
    after: ({ base, trainable, aux }) => ({ base, trainable, aux }),
    merge: ({ trainable }) => trainable,
    export: () => {
      throw new Error("full fine-tuning has no adapter: save its parameters with saveSafetensors()");
    },
    describe: ({ trainable }) => ({ trainableParameters: count(trainable), totalParameters: count(trainable) }),
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
