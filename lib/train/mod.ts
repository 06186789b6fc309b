/**
 * Training as pure functions of a state.
 *
 * @module
 */
export { makeStep, type StepMetrics, type StepOptions } from "./make_step.ts";
export { init, type InitOptions, type TrainState } from "./state.ts";
