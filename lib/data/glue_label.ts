import { isMissing, numberOf, shown } from "./table/cells.ts";
import type { GlueTask } from "./tasks.ts";

/** A label's class number or score, or why it is none. */
export type GlueLabel =
  | { readonly label: number; readonly fault?: undefined }
  | { readonly label?: undefined; readonly fault: string };

/** What a label of a task may be: a text is a class's word, a number its place. */
function wanted({ kind, labels, classNames = [], range }: GlueTask, isWord: boolean): string {
  if (kind === "regression") return range ? `a score from ${range[0]} to ${range[1]}` : "a number";
  if (!isWord) return `a class from 0 to ${labels.length - 1}`;
  return [...labels, ...classNames].map((word) => `"${word}"`).join(" or ");
}

/** The class of a word: the task's own, an equal number, or Hugging Face's name of it. */
function classOf(word: string, { labels, classNames = [] }: GlueTask): number {
  const own = labels.indexOf(word);
  if (own >= 0) return own;
  const number = numberOf(word);
  return number === undefined ? classNames.indexOf(word) : labels.indexOf(String(number));
}

/** The class number or score of a cell; `undefined` where the task has none such. */
function numberOfLabel(cell: unknown, task: GlueTask): number | undefined {
  const number = numberOf(cell);
  if (task.kind === "classes") {
    const label = typeof cell === "string" ? classOf(cell.trim(), task) : number;
    return label !== undefined && task.labels[label] !== undefined ? label : undefined;
  }
  const [least, greatest] = task.range ?? [-Infinity, Infinity];
  return number !== undefined && number >= least && number <= greatest ? number : undefined;
}

/** Reads a task's label from the cell of any format. */
export function glueLabel(cell: unknown, task: GlueTask): GlueLabel {
  const label = isMissing(cell) ? undefined : numberOfLabel(cell, task);
  if (label !== undefined) return { label };
  const isWord = typeof cell === "string";
  const must = wanted(task, isWord);
  if (isMissing(cell)) return { fault: `its label is ${isWord ? "missing" : shown(cell)}: it must be ${must}` };
  return {
    fault: isWord ? `label ${JSON.stringify(cell)} must be ${must}` : `its label ${shown(cell)} must be ${must}`,
  };
}
