import type { RunSpec } from "../specs/spec.ts";

/** One logged step of a run. */
export interface CurvePoint {
  /** Number of the step among the run's, from 0. */
  readonly step: number;
  /** Mean loss of the batch, before the step. */
  readonly loss: number;
  /** Learning rate of the step. */
  readonly learningRate: number;
  /** Norm of all gradients together, before clipping. */
  readonly gradNorm: number;
  /** Seconds since the run's first step. */
  readonly elapsedSeconds: number;
}

/** What training did to the weight of one layer: of the last state, with all that a method adds merged into it. */
export interface LayerChange {
  /** Rows and columns of the weight: outputs and inputs. */
  readonly shape: readonly [rows: number, columns: number];
  /** Singular values of W_T − W_0, descending. */
  readonly values: readonly number[];
  /** Cosine of the angle between W_0 and W_T as vectors. */
  readonly cosine: number;
  /** Frobenius norm of W_0. */
  readonly norm: number;
  /** Largest singular value of W_0, which rounding is relative to. */
  readonly size: number;
}

/** What a trainer measures of a run. */
export interface RunResult {
  /** Scores by the metric's name. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Steps done by the state that is scored, where that is the best on the way. */
  readonly bestStep?: number;
  /** The steps that were logged, in their order. */
  readonly curve: readonly CurvePoint[];
  /** Seconds from the run's beginning to its last score. */
  readonly wallSeconds: number;
  /** Steps over the seconds that they took, from the first on; those of all runs that its program trained together. */
  readonly stepsPerSecond: number;
  /** How many runs were under way at once on the same machine, which times depend on; older records have none. */
  readonly parallel?: number;
  /** How many runs one program trained together, this one among them; older records have none. */
  readonly cells?: number;
  /** Bytes on the device that the largest of its steps needs: state, batch, copies of weights and memory of its own. */
  readonly peakBytes: number;
  /** Parameters that the optimizer moves. */
  readonly trainableParameters: number;
  /** Parameters of the model, and those that the method added. */
  readonly totalParameters: number;
  /** Updates whose change the frozen weights received. */
  readonly writes: number;
  /** What became of the layers that its spec names in `changeOf`, by path; none where it names none. */
  readonly changes?: Readonly<Record<string, LayerChange>>;
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
  /** The run's name, the hash of its spec. */
  readonly hash: string;
  /** What was run. */
  readonly spec: RunSpec;
  /** Whether the run came to its end. */
  readonly status: "finished" | "failed";
  /** Why the run failed, where it did. */
  readonly error?: string;
  /** What was measured of a run that finished. */
  readonly result?: RunResult;
  /** Whether the working tree differed from its commit; `undefined` outside of a repository. */
  readonly isModified?: boolean;
}

/** Names of the metrics that have a column of their own in tables. */
export const METRICS = [
  "matthewsCorrelation",
  "accuracy",
  "f1",
  "pearson",
  "spearman",
  "mismatchedAccuracy",
] as const;

/**
 * Most runs that were under way at once on one machine, in processes and in programs of several, among these records; 1
 * where none says it.
 *
 * @example
 * ```ts
 * import { mostAtOnce, type RunRecord } from "@delta-dawn/delta-lora/experiment";
 *
 * const isShared = (records: readonly RunRecord[]) => mostAtOnce(records) > 1;
 * console.log(isShared([])); // false
 * ```
 */
export function mostAtOnce(records: readonly RunRecord[]): number {
  return Math.max(1, ...records.map(({ result }) => (result?.parallel ?? 1) * (result?.cells ?? 1)));
}

/**
 * A run's score by the metric that its spec names; `undefined` where the run failed.
 *
 * @example
 * ```ts
 * import { type RunRecord, scoreOf } from "@delta-dawn/delta-lora/experiment";
 *
 * const best = (records: readonly RunRecord[]) => Math.max(...records.map((record) => scoreOf(record) ?? -Infinity));
 * ```
 */
export function scoreOf({ spec, result }: RunRecord): number | undefined {
  return result?.metrics[spec.metric];
}

/** What a metric of the last state is called beside its mean over late ones: `lastAccuracy`. */
export function lastMetric(metric: string): string {
  return `last${metric[0].toUpperCase()}${metric.slice(1)}`;
}

/** The score of a run's last state, where its own is the mean over late ones. */
export function lastScoreOf({ spec: { checkpoint, metric }, result }: RunRecord): number | undefined {
  return checkpoint === "late" ? result?.metrics[lastMetric(metric)] : undefined;
}
