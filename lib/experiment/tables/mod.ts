/**
 * Tables of scores and settings in Markdown, and the report that they are parts of.
 *
 * @module
 */
export { comparisonTable, type ComparisonTableOptions } from "./comparison_table.ts";
export {
  type PaperTable,
  paperTable,
  report,
  type ReportText,
  scoreCaption,
  scoreTable,
  writeLines,
} from "./report.ts";
export { spreadTable } from "./spread_table.ts";
export { settingsLines } from "./settings_lines.ts";
export type { TableRow } from "./table.ts";
