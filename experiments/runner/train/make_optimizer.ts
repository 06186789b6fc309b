import { optim } from "../../../mod.ts";
import type { RunSpec } from "../../../lib/experiment/mod.ts";
import { makeOptimizer as makeAdamW, scheduleOf } from "./optimizer.ts";

/** The optimizer of a spec. */
export function makeOptimizer({ optimizer, steps }: Pick<RunSpec, "optimizer" | "steps">): optim.Optimizer {
  const { name, learningRate, schedule, warmup, weightDecay, decaysBiases = true, momentum } = optimizer;
  const rate = { "learning-rate": learningRate, schedule, warmup, steps };
  if (name === "sgd") return optim.sgd({ learningRate: scheduleOf(rate), weightDecay, momentum });
  return makeAdamW({ ...rate, "weight-decay": weightDecay, "no-decay-bias": !decaysBiases });
}
