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

/** Reads a task's label from the cell of any format. */
export function glueLabel(cell: unknown, task: GlueTask): GlueLabel {
  const isWord = typeof cell === "string";
  const must = wanted(task, isWord);
  if (isMissing(cell)) return { fault: `its label is ${isWord ? "missing" : shown(cell)}: it must be ${must}` };
  const fault = isWord ? `label ${JSON.stringify(cell)} must be ${must}` : `its label ${shown(cell)} must be ${must}`;
  const number = numberOf(cell);
  if (task.kind === "classes") {
    const label = isWord ? classOf(cell.trim(), task) : number ?? -1;
    return Number.isInteger(label) && label >= 0 && label < task.labels.length ? { label } : { fault };
  }
  const [least, greatest] = task.range ?? [-Infinity, Infinity];
  return number !== undefined && number >= least && number <= greatest ? { label: number } : { fault };
}
