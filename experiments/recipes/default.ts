// deno task reproduce glue
import { recipeNamed } from "./methods.ts";
import type { Scale } from "./scale.ts";

/** The suite's tasks and encoder: minutes on two cores. Rates are those of `experiments/recipes/methods.ts`. */
export const DEFAULT: Scale = {
  name: "default",
  tasks: ["cola", "rte", "sst2", "stsb"],
  seeds: 2,
  out: "runs/glue",
  recipe: (_, method) => ({
    learningRate: recipeNamed(method).learningRate,
    weightDecay: 0.01,
    warmup: 0.06,
    batchSize: 16,
    length: { steps: 100 },
    tokens: 64,
    checkpoint: "last",
  }),
};
