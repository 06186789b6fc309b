import { add, cast, div, less, mul, optim, where } from "../../../mod.ts";
import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { treeFlatten, treeFlattenLike, treeUnflatten } from "../../../lib/tensor/mod.ts";
import { namedLeaves } from "../model/named_leaves.ts";

/** The schedule of a spec. The rate of a constant one rises, too: transformers' `get_constant_schedule_with_warmup`. */
function scheduleOf(
  { optimizer: { schedule, learningRate: peak, warmup }, steps: total }: Pick<RunSpec, "optimizer" | "steps">,
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

/** The optimizer of a spec, with its schedule: AdamW, or SGD, as PyTorch has it. */
export function makeOptimizer(spec: Pick<RunSpec, "optimizer" | "steps">): optim.Optimizer {
  const { name, weightDecay, decaysBiases = true, momentum } = spec.optimizer;
  const learningRate = scheduleOf(spec);
  if (name === "sgd") return optim.sgd({ learningRate, weightDecay, momentum });
  if (decaysBiases) return optim.adamw({ learningRate, weightDecay });
  return optim.chain(
    optim.scaleByAdam(),
    decayByName(weightDecay),
    optim.scaleByLearningRate(learningRate),
  );
}
