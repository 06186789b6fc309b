import type { TaskName } from "../../../recipes/mod.ts";

/** Names of the sizes at which studies run. */
export const ABLATION_SIZES = ["default", "medium", "large"] as const;

/** Name of a size. */
export type AblationSizeName = typeof ABLATION_SIZES[number];

/** How much a study runs, as far as it may say so itself, and flags may. */
export interface StudySize {
  readonly tasks: readonly TaskName[];
  /** Seeds of each condition, from 0 on. */
  readonly seeds: number;
  /** Optimizer steps of a run; those of the model's recipe where they are absent. */
  readonly steps?: number;
  /** Seeds of the sweep for learning rates, from `SWEEP_SEED` on or from where the tables' end. */
  readonly sweepSeeds: number;
}
