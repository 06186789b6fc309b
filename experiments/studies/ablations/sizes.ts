import type { AblationSizeName, StudySize } from "./studies/study_size.ts";

export { ABLATION_SIZES } from "./studies/study_size.ts";

/** How much a study runs. */
export interface AblationSize extends StudySize {
  readonly name: AblationSizeName;
  /** Seeds of the study of seeds, from 0 on. */
  readonly manySeeds: number;
  /** Where records go. */
  readonly out: string;
}

/** The first seed of sweeps, where tables have no more seeds than this; tables use those from 0 on. */
export const SWEEP_SEED = 100;

/** Rates of a sweep, as shares of the recipe's own. */
export const SWEEP_FACTORS: readonly number[] = [0.4, 1, 2, 4];

/**
 * Sizes by name. Three tasks × three seeds are the fewest pairs whose exact test can tell ten conditions apart at 5 %; twice
 * as many halve the variance of a mean difference.
 */
export const ABLATION_SIZE: Readonly<Record<AblationSizeName, AblationSize>> = {
  default: {
    name: "default",
    tasks: ["cola", "rte", "sst2"],
    seeds: 6,
    manySeeds: 16,
    steps: 80,
    sweepSeeds: 2,
    out: "runs/ablations",
  },
  medium: {
    name: "medium",
    tasks: ["cola", "rte", "sst2", "stsb"],
    seeds: 8,
    manySeeds: 20,
    steps: 200,
    sweepSeeds: 3,
    out: "runs/ablations-medium",
  },
  large: {
    name: "large",
    tasks: ["cola", "sst2", "mrpc", "stsb", "rte", "mnli", "qnli", "qqp"],
    seeds: 10,
    manySeeds: 30,
    steps: 400,
    sweepSeeds: 5,
    out: "runs/ablations-large",
  },
};
