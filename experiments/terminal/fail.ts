import { endProcess } from "./end_process.ts";
import { Interrupted } from "./interrupt.ts";
import { tell } from "./tell.ts";

/** Options of {@linkcode fail}. */
export interface FailOptions {
  /** Says it on standard output as well: as `{ "command": …, "error": … }`, the one document of a failed command. */
  readonly json?: boolean;
  /** Makes a message the command's: with its flags in place of a spec's paths. */
  readonly say?: (message: string) => string;
}

/**
 * Ends a command with one clear message on standard error: exit code 130 after Ctrl-C, 143 after SIGTERM, 129 after
 * SIGHUP, else 1. What begins with "internal:" keeps its stack.
 */
export function fail(
  command: string,
  error: unknown,
  { json = false, say = (message) => message }: FailOptions = {},
): never {
  const message = say(error instanceof Error ? error.message : String(error));
  tell(`${command}: ${message}`);
  if (error instanceof Error && message.startsWith("internal:")) console.error(error.stack);
  if (json) console.log(JSON.stringify({ command, error: message }));
  endProcess(error instanceof Interrupted ? error.exitCode : 1);
}
