import {
  type Batch,
  copy,
  jit,
  type JittedFunction,
  type Key,
  nn,
  type optim,
  type Params,
  type peft,
  random,
  type Tensor,
  train,
} from "../../../mod.ts";
import { treeMap } from "../../../lib/tensor/mod.ts";
import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { outputsOf, type TuningTask } from "../data/read_task.ts";
import type { Beginning } from "../model/adapted.ts";
import type { RunModel } from "../model/run_model.ts";
import { makeMethod } from "./make_method.ts";
import { makeOptimizer } from "./optimizer.ts";

/** What a run's functions are made for: as much of a task as a plan needs, too. */
export type PreparedTask = Pick<TuningTask, "kind" | "labels" | "range"> & Partial<Pick<TuningTask, "usesHead">>;

/** A run's functions, not compiled. */
export interface RunFunctions {
  readonly method: peft.Method;
  readonly optimizer: optim.Optimizer;
  readonly step: train.Step<readonly Batch[]>;
  readonly logits: (state: peft.MethodState, batch: Batch) => Tensor;
  /** The state before the first step, from the model and the seed alone, or from the adapter that it begins from. */
  readonly begin: (seed: number) => train.TrainState;
  /** Parameters that the seed draws. */
  readonly fresh: () => readonly string[];
}

/** What of a run's spec decides its functions. */
export type StepSpec = Pick<RunSpec, "method" | "optimizer" | "steps" | "scores"> & {
  readonly model: Pick<RunSpec["model"], "weights" | "dropout" | "freshHead">;
};

/** What a run does, from its spec: the method by its name, all else by what the spec says. */
export function runFunctions(spec: StepSpec, { model, task, beginning }: {
  readonly model: Pick<RunModel, "classifier">;
  readonly task: PreparedTask;
  readonly beginning?: Beginning;
}): RunFunctions {
  const isRegression = task.kind === "regression";
  const { dropout, freshHead } = spec.model;
  const isFresh = freshHead || task.usesHead === false;
  const classifier = model.classifier({ labels: outputsOf(task), isFresh, dropout });
  const method = makeMethod(spec, { beginning });
  const optimizer = makeOptimizer(spec);
  // As shares of the range, so that a fresh head begins near them; the papers' scripts take scores as they are.
  const [least, greatest] = spec.scores === "raw" ? [0, 1] : task.range ?? [0, 1];
  const loss = (params: Params, batch: Batch, key: Key): nn.LossTerm => {
    const { labels, weights } = batch;
    const logits = classifier.apply(params, batch, key);
    if (!isRegression) return nn.crossEntropy(logits, labels, { weights });
    const target = spec.scores === "raw" ? labels : labels.sub(least).div(greatest - least);
    return nn.meanSquaredError(logits, target, { weights });
  };
  return {
    method,
    optimizer,
    step: train.makeAccumulatedStep({ loss, method, optimizer, clip: spec.optimizer.clip }),
    logits: ({ base, trainable, aux }, batch) => classifier.apply(method.adapt(base, trainable, aux), batch),
    begin(seed) {
      const fresh = train.init(random.key(seed), classifier.params(seed), { method, optimizer });
      if (!beginning) return fresh;
      return train.beginFrom(fresh, treeMap((x) => copy(x), beginning.trainable), { method, optimizer });
    },
    fresh: () => classifier.fresh,
  };
}

/** A run's functions, compiled; seeds share them. */
export interface Prepared extends Omit<RunFunctions, "step" | "logits"> {
  readonly key: string;
  readonly step: JittedFunction<RunFunctions["step"]>;
  readonly logits: JittedFunction<RunFunctions["logits"]>;
}

/** What runs that share compiled functions have in common: an adapter's head may be filled up with what the seed draws. */
export function preparedKey({ seed, start: _, ...shared }: RunSpec): string {
  return JSON.stringify(shared.adapter ? { ...shared, seed } : shared);
}

/** Makes what a run calls. */
export function prepare(spec: RunSpec, parts: Parameters<typeof runFunctions>[1]): Prepared {
  const { step, logits, ...rest } = runFunctions(spec, parts);
  return {
    ...rest,
    key: preparedKey(spec),
    step: jit(step, { donate: [0], names: ["state", "batch"] }),
    logits: jit(logits),
  };
}
