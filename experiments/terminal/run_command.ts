import { removeUnfinished } from "../../lib/io/write_atomically.ts";
import { fail, type FailOptions } from "./fail.ts";
import { endAtSignals } from "./interrupt.ts";

/**
 * Runs a command to its end. What it throws becomes one message and an exit code that is not 0 ({@linkcode fail}); so
 * does a signal that asks it to end, where it has nothing to save. Files that it was writing then are taken away.
 */
export async function runCommand(name: string, main: () => Promise<void>, options: FailOptions = {}): Promise<void> {
  using _listening = endAtSignals((reason) => {
    removeUnfinished();
    fail(name, reason, options);
  });
  try {
    await main();
  } catch (error) {
    fail(name, error, options);
  }
}
