import type { LowRankTrainable } from "./factors.ts";
import { BOTTLENECK, type Bottleneck, type BottleneckOptions, bottlenecks, readBottleneck } from "./bottleneck.ts";
import type { Method } from "./method.ts";
import { defineMethod, type MethodDescription } from "./method_description.ts";

/** The last projections of feed-forward layers, BERT's and its kin's and DistilBERT's, and those of attention. */
const BOTH = /(^|\.)(layer\.\d+\.(attention\.)?output\.dense|attention\.out_lin|ffn\.lin2)$/;

/**
 * Houlsby's adapters (1902.00751): y ↦ y + U·σ(D·y + b) + c behind the output projections of attention and feed-forward,
 * bias included and before the residual sum, with GELU for σ; layer norms and heads are trained with them, all else is
 * frozen. Each has 2·h·d + h + d parameters. D is normal with a standard deviation of 0.01; U is zero, where the paper draws
 * it as D, so that the model begins as it was to the last bit.
 *
 * `merge` throws, since there is no dense equivalent; `export` gives a file of our own kind, `peft_type: "BOTTLENECK"`,
 * which {@linkcode adapterMethod} reads.
 */
export function houlsby(
  { targets = BOTH, activation = "gelu", norms = true, ...options }: BottleneckOptions,
): Method<LowRankTrainable<Bottleneck>, Record<string, never>> {
  return bottlenecks("houlsby", { targets, activation, norms, ...options });
}

/** {@linkcode houlsby} as trainers, command lines and records know it. */
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
