import { cast, div, less, mul, optim, type Tensor, where } from "../../../mod.ts";
import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { recipeNamed } from "../../recipes/methods.ts";
import { type MethodSource, optionsOf, placeOf, type RunSettings } from "./make_method.ts";

/** The schedule of a spec. The rate of a constant one rises, too: transformers' `get_constant_schedule_with_warmup`. */
function scheduleOf(
  { optimizer: { schedule, warmup }, steps: total }: Pick<RunSpec, "optimizer" | "steps">,
  peak: number | Tensor,
): optim.Schedule {
  if (schedule === "linear") return optim.linearSchedule({ peak, warmup, total });
  if (schedule === "cosine") return optim.cosineSchedule({ peak, warmup, total });
  if (warmup === 0) return optim.constantSchedule(peak);
  return (step) => mul(where(less(step, warmup), div(cast(step, "f32"), warmup), 1), peak);
}

const UNDECAYED = /(\.bias|(norm|layernorm_embedding|\.ln_\w+)\.weight)$/i;

/** Whether a parameter decays where biases do not, as in scripts of transformers: weights of layer norms do not, either. */
export const decaysByName = (path: string): boolean => !UNDECAYED.test(path);

/** Throws a RangeError where a method that is an optimizer itself is to be stepped by another one. */
export function requireOwnOptimizer(method: string, optimizer: RunSpec["optimizer"]["name"]): void {
  if (optimizer === "adamw" || !recipeNamed(method).makeOptimizer) return;
  throw new RangeError(
    `\`optimizer.name\` ${optimizer} is nothing of ${method}, which is an optimizer itself: leave it out`,
  );
}

/**
 * The optimizer of a spec, with its schedule: the one that its method is, or AdamW, or SGD, as PyTorch has it. `settings` are scalars in the place of the
 * spec's rate and decay; SGD's state has a part for a decay that is data, which is empty, and none for a decay of 0.
 *
 * Throws a RangeError where the method is an optimizer itself, and the spec names SGD.
 */
export function makeOptimizer(
  spec: MethodSource & Pick<RunSpec, "optimizer">,
  settings: RunSettings = {},
): optim.Optimizer {
  const { name, decaysBiases = true, momentum, epsilon } = spec.optimizer;
  const { weightDecay = spec.optimizer.weightDecay } = settings;
  const learningRate = scheduleOf(spec, settings.learningRate ?? spec.optimizer.learningRate);
  const own = recipeNamed(spec.method.name).makeOptimizer;
  requireOwnOptimizer(spec.method.name, name);
  // By names: factors of one axis decay.
  const isDecayed = decaysBiases ? undefined : (_: Tensor, path: string) => decaysByName(path);
  if (own) {
    if (epsilon !== undefined) {
      throw new RangeError(`\`optimizer.epsilon\` is nothing of ${spec.method.name}, which is an optimizer itself`);
    }
    return own(optionsOf(spec, settings), { ...placeOf(spec), learningRate, weightDecay, isDecayed });
  }
  if (name === "sgd") return optim.sgd({ learningRate, weightDecay, momentum });
  return optim.adamw({ learningRate, weightDecay, decayMask: isDecayed, epsilon });
}
