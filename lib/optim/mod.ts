/**
 * Optimizers as pure transformations of gradients, as in optax, and schedules of learning rates.
 *
 * @module
 */
export {
  type AdamOptions,
  type AdamState,
  adamw,
  type AdamWOptions,
  type AdamWState,
  addDecayedWeights,
  scaleByAdam,
} from "./adamw.ts";
export { applyUpdates } from "./apply_updates.ts";
export { chain, type CountState, scaleByLearningRate } from "./chain.ts";
export { clipByGlobalNorm, clipToNorm, globalNorm } from "./clip_by_global_norm.ts";
export {
  flora,
  type FloraMoments,
  type FloraOptions,
  type FloraState,
  scaleByFlora,
  type ScaleByFloraOptions,
} from "./flora.ts";
export { galore, type GaloreOptions, type GaloreState, scaleByGalore, type ScaleByGaloreOptions } from "./galore.ts";
export type { DescentOptions } from "./descend_then_decay.ts";
export type { ParameterFilter } from "./leaf_paths.ts";
export { keepUnstepped, type UnsteppedOptions } from "./keep_unstepped.ts";
export { mapMoments } from "./map_moments.ts";
export { isRefreshStep, type Optimizer, type OptimizerStep, type Schedule } from "./optimizer.ts";
export { constantSchedule, cosineSchedule, linearSchedule, type WarmupOptions } from "./schedules.ts";
export { sgd, type SgdOptions, type SgdState, trace, type TraceState } from "./sgd.ts";
