/**
 * Training as pure functions of a state: a step, a loop of steps, and predictions.
 *
 * @module
 */
export { makeAccumulatedStep, makeStep, type Step, type StepMetrics, type StepOptions } from "./make_step.ts";
export { type StepKind, stepKinds, type StepParts } from "./step_kind.ts";
export { predict, type Predictions } from "./predict.ts";
export { runSteps, type RunStepsOptions } from "./run_steps.ts";
export { type StepLog, TrainingFailed } from "./step_log.ts";
export { beginFrom, init, type InitOptions, type TrainState } from "./state.ts";
export { toBatch } from "./to_batch.ts";
export { type PairBatch, type TextBatch, toPairBatch, toTextBatch } from "./to_text_batch.ts";
