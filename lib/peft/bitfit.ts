import { copy } from "../ops/mod.ts";
import { chosenParameters, type ChosenTrainable, readChosen } from "./chosen_parameters.ts";
import { takeHeads } from "./low_rank.ts";
import type { Method } from "./method.ts";
import { defineMethod, type MethodDescription } from "./method_description.ts";

/** BitFit's kind of file. */
const KIND = "BITFIT";

/** Options of {@linkcode bitfit}. */
export interface BitfitOptions {
  /**
   * Which parameters are trained beside the biases, searched in the paths of modules; classifiers and poolers by
   * default.
   */
  readonly heads?: RegExp;
}

/**
 * BitFit ([2106.10199](https://arxiv.org/abs/2106.10199)): all biases are trained, those of layer norms too, and the
 * heads; every other weight stays.
 *
 * `export` gives a file of our own kind, `peft_type: "BITFIT"`, which {@linkcode adapterMethod} reads; PEFT has none.
 * `init` throws a RangeError where the model has no bias.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const base = { "query.weight": dd.ones([2, 2]), "query.bias": dd.ones([2]), "classifier.weight": dd.ones([3, 2]) };
 * const { trainable } = dd.peft.bitfit().init(dd.random.key(0), base);
 * console.log(Object.keys(trainable.heads)); // ["query.bias", "classifier.weight"]
 * ```
 */
export function bitfit(options: BitfitOptions = {}): Method<ChosenTrainable, Record<string, never>> {
  return chosenParameters({
    name: "bitfit",
    peftType: KIND,
    choose(base) {
      const biases = Object.keys(base).filter((name) => /(^|\.)bias$/.test(name));
      if (biases.length === 0) {
        throw new RangeError(`bitfit: none of the model's ${Object.keys(base).length} parameters is a bias`);
      }
      const own = Object.fromEntries(biases.map((name) => [name, copy(base[name], { dtype: "f32" })]));
      return { ...own, ...takeHeads(base, options.heads) };
    },
  });
}

/**
 * The description of {@linkcode bitfit} for trainers, command lines and records: recipe and adapters; it has no
 * options.
 */
export const bitfitMethod: MethodDescription = defineMethod({
  name: "bitfit",
  summary: "biases alone are trained",
  paper: "https://arxiv.org/abs/2106.10199",
  options: {},
  make: (_, { heads }) => bitfit({ heads }),
  recipe: { learningRate: 2e-2 },
  readAdapter: (file) => readChosen(file, KIND, (heads) => bitfit({ heads })),
});
