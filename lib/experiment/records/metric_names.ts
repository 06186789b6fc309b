/** Names of metrics as tables print them, by the names that specs have for them. */
export const METRIC_NAMES: Readonly<Record<string, string>> = {
  matthewsCorrelation: "Matthews",
  accuracy: "accuracy",
  f1: "F1",
  pearson: "Pearson",
  spearman: "Spearman",
  mismatchedAccuracy: "accuracy",
};
