/**
 * What a notebook shows: figures, tables, trees of tensors and records.
 *
 * @module
 */
export {
  type Display,
  figure,
  type Place,
  recordTable,
  show,
  type Showable,
  showLive,
  table,
  treeTable,
} from "./display.ts";
export type { TreeOptions } from "./tree_table.ts";
