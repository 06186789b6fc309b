import {
  type Batch,
  div,
  jit,
  type JittedFunction,
  type Key,
  nn,
  type optim,
  type Params,
  type peft,
  random,
  sub,
  type Tensor,
  train,
} from "../../../mod.ts";
import type { RunSpec } from "../../../lib/experiment/mod.ts";
import type { GlueTask } from "../../../lib/data/mod.ts";
import { RECIPES } from "../../recipes/methods.ts";
import { wordsOf } from "../data/raw_task.ts";
import { makeOptimizer } from "./make_optimizer.ts";
import type { RunModel } from "../model/run_model.ts";

/** A run's functions, not compiled. */
export interface RunFunctions {
  readonly method: peft.Method;
  readonly optimizer: optim.Optimizer;
  readonly step: train.Step<Batch>;
  readonly logits: (state: train.TrainState, batch: Batch) => Tensor;
  /** The state before the first step, from the model and the seed alone. */
  readonly begin: (seed: number) => train.TrainState;
}

/** What a run does, from its spec: the method by its name, all else by what the spec says. */
export function runFunctions(spec: RunSpec, model: RunModel, task: GlueTask): RunFunctions {
  const isRegression = task.kind === "regression";
  const { dropout } = spec.model;
  const classifier = model.classifier({
    labels: isRegression ? 1 : task.labels.length,
    classes: isRegression ? undefined : wordsOf(task),
    dropout,
  });
  const method = RECIPES[spec.method.name].make(spec.method, spec.steps);
  const optimizer = makeOptimizer(spec);
  const drops = (dropout ?? model.dropout) > 0;
  // As shares of the range, so that a fresh head begins near them; the papers' scripts take scores as they are.
  const [least, greatest] = spec.scores === "raw" ? [0, 1] : task.range ?? [0, 1];
  const loss = (params: Params, batch: Batch, key: Key): nn.LossTerm => {
    const { labels, weights } = batch;
    const logits = classifier.apply(params, batch, drops ? key : undefined);
    if (!isRegression) return nn.crossEntropy(logits, labels, { weights });
    const target = spec.scores === "raw" ? labels : div(sub(labels, least), greatest - least);
    return nn.meanSquaredError(logits, target, { weights });
  };
  return {
    method,
    optimizer,
    step: train.makeStep({ loss, method, optimizer, clip: spec.optimizer.clip }),
    logits: ({ base, trainable, aux }, batch) => classifier.apply(method.adapt(base, trainable, aux), batch),
    begin: (seed) => train.init(random.key(seed), classifier.params(seed), { method, optimizer }),
  };
}

/** A run's functions, compiled; seeds share them. */
export interface Prepared extends Omit<RunFunctions, "step" | "logits"> {
  readonly key: string;
  readonly step: JittedFunction<RunFunctions["step"]>;
  readonly logits: JittedFunction<RunFunctions["logits"]>;
}

/** What runs that share compiled functions have in common. */
export function preparedKey({ seed: _, start: __, ...shared }: RunSpec): string {
  return JSON.stringify(shared);
}

/** Makes what a run calls. */
export function prepare(spec: RunSpec, model: RunModel, task: GlueTask): Prepared {
  const { step, logits, ...rest } = runFunctions(spec, model, task);
  return { ...rest, key: preparedKey(spec), step: jit(step, { donate: [0] }), logits: jit(logits) };
}
