import type { RunSpec } from "../specs/spec.ts";

/** One logged step. */
export interface CurvePoint {
  /** Its place among the run's steps, from 0. */
  readonly step: number;
  /** Mean over the batch, before the step. */
  readonly loss: number;
  /** The rate of the step. */
  readonly learningRate: number;
  /** Norm of all gradients together, before clipping. */
  readonly gradNorm: number;
  /** Seconds since the run's first step. */
  readonly elapsedSeconds: number;
}

/** What a trainer measures of a run. */
export interface RunResult {
  /** Scores by the metric's name. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Steps of the state that is scored, where the best on the way is. */
  readonly bestStep?: number;
  /** Its logged steps, in their order. */
  readonly curve: readonly CurvePoint[];
  /** Seconds from its beginning to its last score. */
  readonly wallSeconds: number;
  /** Steps over the seconds that they took, from the first on. */
  readonly stepsPerSecond: number;
  /** How many runs were under way at once on the same machine, which times depend on; older records have none. */
  readonly parallel?: number;
  /** Bytes on the device that the largest of its steps needs: state, batch, copies of weights and memory of its own. */
  readonly peakBytes: number;
  /** Parameters that the optimizer moves. */
  readonly trainableParameters: number;
  /** Those of the model, and what the method added. */
  readonly totalParameters: number;
  /** Updates whose change the frozen weights received. */
  readonly writes: number;
  /** The device that computed, and how it was found. */
  readonly device: string;
  /** Names of the kernels that ran. */
  readonly kernels: string;
  /** What chose the kernels of products: `heuristic`, or what was measured; records of before this was kept have none. */
  readonly products?: string;
  /** Versions of the runtime and of what computes. */
  readonly versions: string;
}

/** A run with what came of it. */
export interface RunRecord {
  /** Its name: the hash of its spec. */
  readonly hash: string;
  /** What was run. */
  readonly spec: RunSpec;
  /** Whether it came to its end. */
  readonly status: "finished" | "failed";
  /** Why a run failed. */
  readonly error?: string;
  /** What was measured of a run that finished. */
  readonly result?: RunResult;
  /** Whether the working tree differed from its commit; `undefined` outside of a repository. */
  readonly isModified?: boolean;
}

/** Metrics that have a column. */
export const METRICS = [
  "matthewsCorrelation",
  "accuracy",
  "f1",
  "pearson",
  "spearman",
  "mismatchedAccuracy",
] as const;

/** Most runs that were under way at once. */
export function mostAtOnce(records: readonly RunRecord[]): number {
  return Math.max(1, ...records.map(({ result }) => result?.parallel ?? 1));
}

/** The score by the metric that the spec names. */
export function scoreOf({ spec, result }: RunRecord): number | undefined {
  return result?.metrics[spec.metric];
}
