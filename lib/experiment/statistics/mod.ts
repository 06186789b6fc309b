/**
 * What scores say: means over tasks and seeds, intervals, tests with their correction, and verdicts in words.
 *
 * @module
 */
export { bootstrapInterval, type BootstrapOptions, type Interval } from "./bootstrap_interval.ts";
export { compare, type CompareOptions, type Comparison, type MethodScores } from "./compare.ts";
export { comparePairs, type Difference, type JudgeOptions, LEVEL, MARGIN, type MethodPair } from "./compare_pairs.ts";
export { findings } from "./findings.ts";
export { type Corrected, correctFamily, holm } from "./holm.ts";
export {
  type BestRate,
  learningRateSweep,
  type SweepOptions,
  type SweepRun,
  type TriedRate,
} from "./learning_rate_sweep.ts";
export { meanInterval, type MeanIntervalOptions } from "./mean_interval.ts";
export { type PairedDifferences, pairedDifferences, type Strata } from "./paired_differences.ts";
export type { PointOptions } from "./points.ts";
export { type NeedOptions, pairsNeeded, type RuleOptions, smallestDifference } from "./power.ts";
export { type ScoredRun, type ScoredRunOptions, scoredRuns, settingOf, type TableSetting } from "./scored_runs.ts";
export { EXACT_PAIRS, type SignFlip, type SignFlipOptions, signFlipTest } from "./sign_flip_test.ts";
export { type Spread, type SpreadOf, type SpreadOptions, spreadsOf } from "./spreads.ts";
export { type Cell, summarize } from "./summarize.ts";
export { FIRST_PAIRS, looksOf, nextSeeds, type StoppingOptions } from "./stopping.ts";
export { ruleText, type Verdict, type VerdictKind, verdictOf, type VerdictOptions } from "./verdict.ts";
export { widestInterval } from "./widest_interval.ts";
