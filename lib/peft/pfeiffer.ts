import type { LowRankTrainable } from "./factors.ts";
import { BOTTLENECK, type Bottleneck, type BottleneckOptions, bottlenecks, readBottleneck } from "./bottleneck.ts";
import type { Method } from "./method.ts";
import { defineMethod, type MethodDescription } from "./method_description.ts";

/** The last projections of feed-forward layers: BERT's and its kin's, DistilBERT's. */
const FEED_FORWARD = /(^|\.)(layer\.\d+\.output\.dense|ffn\.lin2)$/;

/**
 * Pfeiffer's adapters ([2005.00247](https://arxiv.org/abs/2005.00247)): like {@linkcode houlsby}, but behind the
 * feed-forward alone, with ReLU, and with frozen layer norms. The place departs from the paper: it is before the
 * residual sum and the layer norm, like Houlsby's.
 *
 * Throws a RangeError where the width is no whole number from 1.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const base = { "layer.0.output.dense.weight": dd.ones([8, 32]), "layer.0.output.LayerNorm.weight": dd.ones([8]) };
 * const { trainable } = dd.peft.pfeiffer({ width: 2 }).init(dd.random.key(0), base);
 * console.log(Object.keys(trainable.factors), Object.keys(trainable.heads)); // ["layer.0.output.dense"] []
 * ```
 */
export function pfeiffer(
  { targets = FEED_FORWARD, activation = "relu", norms = false, ...options }: BottleneckOptions,
): Method<LowRankTrainable<Bottleneck>, Record<string, never>> {
  return bottlenecks("pfeiffer", { targets, activation, norms, ...options });
}

/**
 * The description of {@linkcode pfeiffer} for trainers, command lines and records: options with defaults, recipe,
 * adapters.
 */
export const pfeifferMethod: MethodDescription = defineMethod({
  name: "pfeiffer",
  summary: "small layers behind feed-forward alone",
  paper: "https://arxiv.org/abs/2005.00247",
  options: BOTTLENECK,
  make: (options, { heads }) => pfeiffer({ ...options, heads }),
  // As many parameters as LoRA has in the table, as far as widths allow; half as many adapters may be twice as wide.
  recipe: { learningRate: 1e-2, options: () => ({ width: 16 }) },
  readAdapter: (file) => readBottleneck(file, "pfeiffer", pfeiffer),
});
