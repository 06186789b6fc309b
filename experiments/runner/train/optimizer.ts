import { add, mul, optim } from "../../../mod.ts";
import { cast, div, less, where } from "../../../mod.ts";
import { treeFlatten, treeFlattenLike, treeUnflatten } from "../../../lib/tensor/mod.ts";
import { namedLeaves } from "../model/named_leaves.ts";

/** Names of optimizers. */
export const OPTIMIZERS = ["adamw", "sgd"] as const;

/** Names of schedules. */
export const SCHEDULES = ["constant", "linear", "cosine"] as const;

/** Settings of the optimizer, under the names of flags. */
export interface OptimizerSettings {
  /** AdamW where it is absent. */
  readonly optimizer?: typeof OPTIMIZERS[number];
  /** Of SGD; none where it is absent. */
  readonly momentum?: number;
  readonly "learning-rate": number;
  readonly schedule: typeof SCHEDULES[number];
  /** Steps over which the rate rises. */
  readonly warmup: number;
  readonly "weight-decay": number;
  readonly "no-decay-bias": boolean;
  readonly steps: number;
}

/** The schedule of settings. The rate of a constant one rises, too: transformers' `get_constant_schedule_with_warmup`. */
export function scheduleOf(
  { schedule, "learning-rate": peak, warmup, steps: total }: Pick<
    OptimizerSettings,
    "schedule" | "learning-rate" | "warmup" | "steps"
  >,
): optim.Schedule {
  if (schedule === "linear") return optim.linearSchedule({ peak, warmup, total });
  if (schedule === "cosine") return optim.cosineSchedule({ peak, warmup, total });
  if (warmup === 0) return optim.constantSchedule(peak);
  return (step) => mul(where(less(step, warmup), div(cast(step, "f32"), warmup), 1), peak);
}

/** What the scripts of transformers leave without decay: biases and the weights of layer norms. */
const UNDECAYED = /(\.bias|layer_?norm\.weight)$/i;

/** Decay of all but biases and layer norms, which names tell: factors of one axis decay. */
function decayByName(weightDecay: number): optim.Optimizer<Record<string, never>> {
  return {
    init: () => ({}),
    update(grads, state, params) {
      const { leaves, structure } = treeFlatten(grads);
      const own = treeFlattenLike(structure, params);
      const names = namedLeaves(grads).map(([name]) => name);
      const updates = leaves.map((g, i) => UNDECAYED.test(names[i]) ? g : add(g, mul(own[i], weightDecay)));
      return { updates: treeUnflatten(structure, updates), state };
    },
  };
}

/** AdamW, or SGD, as PyTorch has it, with its schedule. */
export function makeOptimizer(settings: OptimizerSettings): optim.Optimizer {
  const learningRate = scheduleOf(settings);
  const weightDecay = settings["weight-decay"];
  if (settings.optimizer === "sgd") return optim.sgd({ learningRate, weightDecay, momentum: settings.momentum });
  if (!settings["no-decay-bias"]) return optim.adamw({ learningRate, weightDecay });
  return optim.chain(
    optim.scaleByAdam(),
    decayByName(weightDecay),
    optim.scaleByLearningRate(learningRate),
  );
}
