import type { LowRankTrainable } from "./factors.ts";
import { BOTTLENECK, type Bottleneck, type BottleneckOptions, bottlenecks, readBottleneck } from "./bottleneck.ts";
import type { Method } from "./method.ts";
import { defineMethod, type MethodDescription } from "./method_description.ts";

/** The last projections of feed-forward layers, BERT's and its kin's and DistilBERT's, and those of attention. */
const BOTH = /(^|\.)(layer\.\d+\.(attention\.)?output\.dense|attention\.out_lin|ffn\.lin2)$/;

/**
 * Houlsby's adapters ([1902.00751](https://arxiv.org/abs/1902.00751)): y ↦ y + U·σ(D·y + b) + c behind the output
 * projections of attention and feed-forward, bias included and before the residual sum, with GELU for σ; layer norms
 * and heads are trained with them, all else is frozen. Each has 2·h·d + h + d parameters. D is normal with a standard
 * deviation of 0.01; U is zero, where the paper draws it like D, so that the model begins as it was to the last bit.
 *
 * `merge` throws an Error, since there is no dense equivalent; `export` gives a file of our own kind, `peft_type:
 * "BOTTLENECK"`, which {@linkcode adapterMethod} reads; PEFT has none.
 *
 * Throws a RangeError where the width is no whole number from 1.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const base = { "layer.0.output.dense.weight": dd.ones([8, 32]), "layer.0.output.dense.bias": dd.ones([8]) };
 * const { trainable } = dd.peft.houlsby({ width: 2 }).init(dd.random.key(0), base);
 * const { down, up } = trainable.factors["layer.0.output.dense"];
 * console.log(down.shape, up.shape); // [2, 8] [8, 2]
 * ```
 */
export function houlsby(
  { targets = BOTH, activation = "gelu", norms = true, ...options }: BottleneckOptions,
): Method<LowRankTrainable<Bottleneck>, Record<string, never>> {
  return bottlenecks("houlsby", { targets, activation, norms, ...options });
}

/**
 * The description of {@linkcode houlsby} for trainers, command lines and records: options with defaults, recipe,
 * adapters.
 */
export const houlsbyMethod: MethodDescription = defineMethod({
  name: "houlsby",
  summary: "small layers behind attention and feed-forward",
  paper: "https://arxiv.org/abs/1902.00751",
  options: BOTTLENECK,
  make: (options, { heads }) => houlsby({ ...options, heads }),
  // As many parameters as LoRA has in the table, as far as widths allow; half as many adapters may be twice as wide.
  recipe: { learningRate: 5e-3, options: () => ({ width: 8 }) },
  readAdapter: (file) => readBottleneck(file, "houlsby", houlsby),
});
