import type { LowRankTrainable } from "./factors.ts";
import { BOTTLENECK, type Bottleneck, type BottleneckOptions, bottlenecks, readBottleneck } from "./bottleneck.ts";
import type { Method } from "./method.ts";
import { defineMethod, type MethodDescription } from "./method_description.ts";

/** The last projections of feed-forward layers: BERT's and its kin's, DistilBERT's. */
const FEED_FORWARD = /(^|\.)(layer\.\d+\.output\.dense|ffn\.lin2)$/;

/**
 * Pfeiffer's adapters (2005.00247): as {@linkcode houlsby}, but behind the feed-forward alone, with ReLU, and with frozen
 * layer norms. Departs from the paper in its place: it stands before the residual sum and the layer norm, as Houlsby's does.
 */
export function pfeiffer(
  { targets = FEED_FORWARD, activation = "relu", norms = false, ...options }: BottleneckOptions,
): Method<LowRankTrainable<Bottleneck>, Record<string, never>> {
  return bottlenecks("pfeiffer", { targets, activation, norms, ...options });
}

/** {@linkcode pfeiffer} as trainers, command lines and records know it. */
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
