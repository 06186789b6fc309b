import { accuracy, f1, matthewsCorrelation, type MetricName, pearson, spearman } from "../../../mod.ts";

/** Metrics by name. */
export const SCORES: Readonly<
  Record<MetricName, (predictions: readonly number[], labels: readonly number[]) => number>
> = { accuracy, f1, matthewsCorrelation, pearson, spearman };
