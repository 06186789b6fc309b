/**
 * Training as pure functions of a state: a step, a loop of steps, and predictions.
 *
 * @module
 */
export { makeAccumulatedStep, makeStep, type Step, type StepMetrics, type StepOptions } from "./make_step.ts";
export { predict, type Predictions } from "./predict.ts";
export { driveSteps, type DriveStepsOptions } from "./drive_steps.ts";
export { runSteps, type RunStepsOptions } from "./run_steps.ts";
export { failureOf, type StepLog, TrainingFailed } from "./step_log.ts";
export { beginFrom, init, type InitOptions, type TrainState } from "./state.ts";
export { toBatch } from "./to_batch.ts";
