import jStat from "jstat";
import { mean, sampleVariance } from "simple-statistics";
import type { Interval } from "./bootstrap_interval.ts";
import type { Strata } from "./paired_differences.ts";

/** What is known of the mean over tasks of the means within them. */
export interface Moments {
  /** Mean over tasks of the means within them. */
  readonly mean: number;
  /** Its standard error, from the spread within tasks. */
  readonly error: number;
  /** Its skewness, from the third cumulants within tasks, as far as it stands out from that of normal values. */
  readonly skewness: number;
  /** Degrees of freedom of the standard error (Welch and Satterthwaite's); infinite without any spread. */
  readonly freedom: number;
}

/** Options of {@linkcode meanInterval}. */
export interface MeanIntervalOptions {
  /** Share of intervals that hold the true mean, between 0 and 1; 0.95 by default. */
  readonly confidence?: number;
  /** Share of its tails that lies beyond its ends, 0.7 by default; 1 makes it no wider than its confidence asks for. */
  readonly tails?: number;
}

/** Share of both tails of an interval that lies beyond its ends: the rest is kept for skewed values and for stopping. */
const TAILS = 0.7;

/** How many standard errors an interval of this confidence is wide to one side, by Student's t. */
export function quantileOf({ confidence = 0.95, tails = TAILS }: MeanIntervalOptions, freedom: number): number {
  const share = 1 - tails * (1 - confidence) / 2;
  // So many degrees of freedom are as good as all, and jStat's quantile does not end with an infinite number.
  return freedom > 1e6 ? jStat.normal.inv(share, 0, 1) : jStat.studentt.inv(share, freedom);
}

/** The moments of the mean of values by task; `undefined` where there is no task, or a task has a single value. */
export function momentsOf(strata: Strata): Moments | undefined {
  if (strata.length === 0 || strata.some(({ length }) => length < 2)) return undefined;
  const means = strata.map((values) => mean([...values]));
  let [variance, squares, cumulant, noise] = [0, 0, 0, 0];
  strata.forEach((values, task) => {
    const n = values.length;
    const own = sampleVariance([...values]) / n / strata.length ** 2;
    variance += own;
    squares += own ** 2 / (n - 1);
    if (n < 3) return;
    const cubes = values.reduce((sum, value) => sum + (value - means[task]) ** 3, 0);
    cumulant += cubes / (n * (n - 1) * (n - 2)) / strata.length ** 3;
    noise += 6 * n * (n - 1) / ((n - 2) * (n + 1) * (n + 3)) * own ** 3 / n;
  });
  const freedom = squares > 0 ? variance ** 2 / squares : Infinity;
  // What so few normal values would show by chance counts for little: half its square is taken off, as a share.
  const share = cumulant !== 0 ? cumulant ** 2 / (cumulant ** 2 + noise / 2) : 0;
  const skewness = variance > 0 ? share * cumulant / variance ** 1.5 : 0;
  return { mean: mean(means), error: Math.sqrt(variance), skewness, freedom };
}

/** The distance from the mean, in standard errors, at which Hall's transformation gives `y`. */
function untransformed(y: number, skewness: number): number {
  if (Math.abs(skewness) < 1e-6) return y;
  return 3 / skewness * (Math.cbrt(1 + skewness * (y - skewness / 6)) - 1);
}

/** The interval that these moments make: see {@linkcode meanInterval}. */
export function intervalOf({ mean, error, skewness, freedom }: Moments, options: MeanIntervalOptions): Interval {
  const t = quantileOf(options, freedom);
  const below = Math.max(t, untransformed(t, skewness));
  const above = Math.max(t, -untransformed(-t, skewness));
  return [mean - error * below, mean + error * above];
}

/**
 * Interval of the mean over tasks of the means within them, of values by task: Student's, reached further out where the
 * values are skewed ([Hall 1992](https://doi.org/10.1111/j.2517-6161.1992.tb01876.x), whose transformation takes the
 * skewness out of t), with degrees of freedom by Welch and Satterthwaite. It is `undefined` where there is no task, or
 * some task has fewer than two values, as nothing is known of its spread.
 *
 * It speaks of other seeds on the same tasks, and says nothing of other tasks. By default its ends stand where seven tenths of
 * the tails are left, 1.75 % to each side of an interval of 95 %: so it holds the mean of normally distributed values in
 * 97 % of cases, of exponentially distributed ones in 95 %, and where values are added until {@linkcode nextSeeds} says
 * that intervals are narrow enough, in 96 and 93 to 96 %.
 *
 * Throws a RangeError where `confidence` does not lie between 0 and 1.
 *
 * @example
 * ```ts
 * import { meanInterval } from "@delta-dawn/delta-lora/experiment";
 *
 * const differences = [[0.1, 0.2, 0.3, 0.4, 0.5]]; // of one task, by seed
 * const [low, high] = meanInterval(differences)!;
 * console.log(low.toFixed(2), high.toFixed(2)); // 0.08 0.52
 * ```
 */
export function meanInterval(strata: Strata, options: MeanIntervalOptions = {}): Interval | undefined {
  const { confidence = 0.95 } = options;
  if (!(confidence > 0 && confidence < 1)) {
    throw new RangeError(`Cannot make an interval as its confidence must lie between 0 and 1: ${confidence}`);
  }
  const moments = momentsOf(strata);
  return moments && intervalOf(moments, options);
}
