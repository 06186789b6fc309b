import { lockFlags } from "../experiments/runner/locked.ts";
import { Interrupted } from "../experiments/terminal/interrupt.ts";
import { endOf } from "./end_of.ts";

/** Subcommands that may fetch packages. */
const FETCHING = ["check", "doc", "run", "test"];

/**
 * Runs Deno in the project's folder, on this terminal, and gives its exit code; packages are those of `deno.lock`, or of another
 * configuration that is named. A signal
 * that asks to end is handed on; once it has ended, this throws Interrupted.
 */
export async function run(args: readonly string[], env: Record<string, string> = {}): Promise<number> {
  const [command, ...rest] = args;
  const hasOwn = rest.some((flag) => flag.startsWith("--config"));
  const locked = [command, ...FETCHING.includes(command) && !hasOwn ? lockFlags() : [], ...rest];
  const child = new Deno.Command(Deno.execPath(), { args: locked, cwd: new URL("../", import.meta.url), env })
    .spawn();
  const { code, signal } = await endOf(child);
  if (signal !== undefined) throw new Interrupted(signal);
  return code;
}
