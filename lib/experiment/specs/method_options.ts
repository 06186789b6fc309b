import type { ColumnType } from "./column_type.ts";

/**
 * Options of methods that have a column of their own in `runs.arrow`, named `method_rank` and so on, with what their
 * values are. Others are in the column `spec`.
 */
export const METHOD_OPTIONS = {
  rank: "integer",
  alpha: "number",
  lambda: "number",
  startStep: "integer",
  write: "text",
  scaling: "text",
  dropout: "number",
  targets: "text",
  initialRank: "integer",
  targetRank: "integer",
  warmup: "integer",
  final: "integer",
  interval: "integer",
  orthogonality: "number",
  lambdaSchedule: "text",
  allowDropout: "boolean",
  ratio: "number",
  mode: "text",
  testRank: "integer",
  width: "integer",
  activation: "text",
  norms: "boolean",
} as const satisfies Readonly<Record<string, ColumnType>>;
