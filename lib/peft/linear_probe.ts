import { chosenParameters, type ChosenTrainable, readChosen } from "./chosen_parameters.ts";
import { takeHeads } from "./low_rank.ts";
import type { Method } from "./method.ts";
import { defineMethod, type MethodDescription } from "./method_description.ts";

/** The kind of a linear probe's file. */
const KIND = "LINEAR_PROBE";

/** Options of {@linkcode linearProbe}. */
export interface LinearProbeOptions {
  /** Which parameters are trained, searched in the paths of modules; classifiers and poolers by default. */
  readonly heads?: RegExp;
}

/**
 * A linear probe ([1610.01644](https://arxiv.org/abs/1610.01644)): the heads alone are trained, on what the model already
 * says. What a method scores above it, it owes to a change of the model. Where the head has a pooler (BERT's has), the
 * probe has that layer, too.
 *
 * `export` gives a file of our own kind, `peft_type: "LINEAR_PROBE"`, which {@linkcode adapterMethod} reads; PEFT has
 * none. `init` throws a RangeError where the model has no such parameter.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const base = { "query.weight": dd.ones([2, 2]), "classifier.weight": dd.ones([3, 2]) };
 * const { trainable } = dd.peft.linearProbe().init(dd.random.key(0), base);
 * console.log(Object.keys(trainable.heads)); // ["classifier.weight"]
 * ```
 */
export function linearProbe(options: LinearProbeOptions = {}): Method<ChosenTrainable, Record<string, never>> {
  return chosenParameters({
    name: "linear-probe",
    peftType: KIND,
    choose(base) {
      const heads = takeHeads(base, options.heads);
      if (Object.keys(heads).length === 0) {
        throw new RangeError(`linearProbe: none of the model's ${Object.keys(base).length} parameters is of a head`);
      }
      return heads;
    },
  });
}

/**
 * The description of {@linkcode linearProbe} for trainers, command lines and records: recipe and adapters; it has no
 * options.
 */
export const linearProbeMethod: MethodDescription = defineMethod({
  name: "linear-probe",
  summary: "the heads alone are trained",
  paper: "https://arxiv.org/abs/1610.01644",
  options: {},
  make: (_, { heads }) => linearProbe({ heads }),
  recipe: { learningRate: 1e-2 },
  readAdapter: (file) => readChosen(file, KIND, (heads) => linearProbe({ heads })),
});
