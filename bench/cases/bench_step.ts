import { makeMethod } from "../../experiments/runner/train/make_method.ts";
import { makeOptimizer } from "../../experiments/runner/train/optimizer.ts";
import { type RunFunctions, runFunctions, type StepSpec } from "../../experiments/runner/train/prepare.ts";
import { METHODS, TOTAL_STEPS } from "./methods.ts";
import { type BenchModel, classes, runModel } from "./models.ts";

/** How a row of the benchmark is trained. */
export interface BenchStepOptions {
  readonly learningRate: number;
  readonly dropout: number;
}

function specOf(row: string, { learningRate, dropout }: BenchStepOptions): StepSpec {
  const { method, weights } = METHODS[row];
  return {
    method,
    optimizer: { name: "adamw", learningRate, weightDecay: 0.01, schedule: "constant", warmup: 0, clip: 1 },
    steps: TOTAL_STEPS,
    model: { dropout, weights },
  };
}

/** What a row of the benchmark trains with, made as a run's is. */
export function benchMethod(row: string, options: BenchStepOptions): Pick<RunFunctions, "method" | "optimizer"> {
  const spec = specOf(row, options);
  return { method: makeMethod(spec), optimizer: makeOptimizer(spec) };
}

/** A row's method, optimizer and step on a model, made as a run's are. */
export function benchStep(model: BenchModel, row: string, options: BenchStepOptions): RunFunctions {
  const spec = specOf(row, options);
  return runFunctions(spec, { model: runModel(model, spec.model.weights), task: classes(model.labels) });
}
