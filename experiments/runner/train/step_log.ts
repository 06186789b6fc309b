import { writeAtomically } from "../../../lib/io/mod.ts";

/** A line of a run's log. */
export interface StepLine {
  /** From 0. */
  readonly step: number;
  readonly loss: number;
  readonly learningRate: number;
  /** Before clipping. */
  readonly gradNorm: number;
  /** Tokens of the step's batch, without padding. */
  readonly tokens: number;
}

/** The lines of a log before a step, as they stand there. Throws an Error where one is missing. */
async function linesBefore(path: string, step: number): Promise<string[]> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    throw new Error(`cannot resume the log ${path}: ${(error as Error).message}`, { cause: error });
  }
  const lines = text.split("\n").slice(0, step);
  lines.forEach((line, i) => {
    let found: unknown;
    try {
      found = JSON.parse(line).step;
    } catch {
      found = undefined; // half a line, or none
    }
    if (found !== i) throw new Error(`cannot resume the log ${path}: its line ${i + 1} is not of step ${i}`);
  });
  return lines;
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
