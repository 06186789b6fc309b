import { isFile } from "../../../lib/io/is_file.ts";
import { writeAtomically } from "../../../lib/io/mod.ts";
import type { StepLine } from "./step_batches.ts";

/** The step that a line of a log is of; `undefined` where it is half a line, or none. */
function stepOf(line: string): unknown {
  try {
    return JSON.parse(line).step;
  } catch {
    return undefined;
  }
}

/**
 * The lines of a log before a step, as they stand there, from the step on that it begins with; none of a log that is not
 * there yet, or begins later. Throws an Error where one is missing.
 */
async function linesBefore(path: string, step: number): Promise<string[]> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw new Error(`cannot resume the log ${path}: ${(error as Error).message}`, { cause: error });
  }
  if (text === "") return [];
  const all = text.split("\n");
  const first = stepOf(all[0]);
  if (typeof first !== "number") throw new Error(`cannot resume the log ${path}: its line 1 is not of a step`);
  const lines = all.slice(0, Math.max(0, step - first));
  for (let i = 0; i < step - first; i++) {
    if (i < lines.length && stepOf(lines[i]) === first + i) continue;
    throw new Error(`cannot resume the log ${path}: its line ${i + 1} is not of step ${first + i}`);
  }
  return lines;
}

/** Throws a RangeError where a log is there already. */
export async function requireNoLog(path: string): Promise<void> {
  if (!await isFile(path)) return;
  throw new RangeError(
    `cannot begin the log ${path} as it is there: \`overwrite\` writes over it, or choose another with \`log\``,
  );
}

/** A file of JSON lines, one a step. */
export class StepLog {
  private constructor(readonly path: string) {}

  /** Begins a log, or goes on with one from a step: lines from there on go. */
  static async open(path: string, { from }: { readonly from: number }): Promise<StepLog> {
    const lines = from === 0 ? [] : await linesBefore(path, from);
    await writeAtomically(path, lines.map((line) => `${line}\n`).join(""));
    return new StepLog(path);
  }

  /** Adds a line. */
  add(line: StepLine): void {
    Deno.writeTextFileSync(this.path, `${JSON.stringify(line)}\n`, { append: true });
  }
}
