import { accuracy, f1, matthewsCorrelation, pearson, spearman } from "../../../lib/metrics/mod.ts";
import type { MetricName } from "../../../lib/data/mod.ts";

/** Metrics by name. */
export const SCORES: Readonly<
  Record<MetricName, (predictions: readonly number[], labels: readonly number[]) => number>
> = { accuracy, f1, matthewsCorrelation, pearson, spearman };
