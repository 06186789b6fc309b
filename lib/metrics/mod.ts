/**
 * GLUE's metrics as functions of plain numbers, computed in float64: `metric(predictions, labels)`.
 *
 * @module
 */
export { accuracy } from "./accuracy.ts";
export type { Numbers } from "./check_pair.ts";
export { f1 } from "./f1.ts";
export { matthewsCorrelation } from "./matthews_correlation.ts";
export { pearson } from "./pearson.ts";
export { spearman } from "./spearman.ts";
