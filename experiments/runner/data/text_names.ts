/** What a text task is called that is of instructions of one's own. */
export const INSTRUCTIONS = "instructions";

/** Names of the tasks whose answers are texts. */
export const TEXT_TASKS: readonly string[] = ["e2e", "webnlg", "xsum", INSTRUCTIONS];

/** Whether a task's answers are texts, by its name. */
export function isTextTask(task: string | undefined): boolean {
  return task !== undefined && TEXT_TASKS.includes(task);
}

/** Kinds of runs that learn to write texts. */
export type TextKind = "language-modelling" | "sequence-to-sequence";

/** Whether a kind of run learns to write texts. */
export function isTextKind(kind: string): kind is TextKind {
  return kind === "language-modelling" || kind === "sequence-to-sequence";
}
