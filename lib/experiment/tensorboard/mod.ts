/**
 * Runs and their hyperparameters in the files that TensorBoard reads.
 *
 * @module
 */
export { boardExperiment, boardRun, type BoardTime } from "./board_run.ts";
