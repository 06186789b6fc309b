// deno task reproduce glue
import { recipeNamed } from "./methods.ts";
import { isProbe, type ProbeName } from "../suite/probes.ts";
import type { Scale, TaskRecipe } from "./scale.ts";

/** Layers that teachers change, and that methods adapt in probes: all linear ones of the encoder. */
const ALL_LAYERS = "bert\\.encoder\\.layer\\.\\d+\\..*";

/**
 * How probes are trained, so long that full fine-tuning keeps all pairs of `recall`. Layers are those that teachers change;
 * α is the rank, so that ranks are compared at one scale.
 */
function probeRecipe(
  task: ProbeName,
  method: string,
): Pick<TaskRecipe, "learningRate" | "batchSize" | "length" | "method"> {
  return {
    learningRate: method !== "full" ? recipeNamed(method).learningRate : task === "recall" ? 3e-3 : 1e-3,
    batchSize: 64,
    length: { steps: 600 },
    method: { targets: ALL_LAYERS, alpha: 8 },
  };
}

/** The suite's tasks and encoder: minutes on two cores. Rates are those of `experiments/recipes/methods.ts`. */
export const DEFAULT: Scale = {
  name: "default",
  tasks: ["cola", "rte", "sst2", "stsb"],
  seeds: 2,
  out: "runs/glue",
  recipe: (task, method) => ({
    learningRate: recipeNamed(method).learningRate,
    weightDecay: 0.01,
    warmup: 0.06,
    batchSize: 16,
    length: { steps: 100 },
    tokens: 64,
    checkpoint: "last",
    ...isProbe(task) && probeRecipe(task, method),
  }),
};
