import { Interrupted } from "../experiments/terminal/interrupt.ts";
import { endOf } from "./end_of.ts";

/**
 * Runs Deno in the project's folder, on this terminal, and gives its exit code. A signal that asks to end is handed on;
 * once it has ended, this throws Interrupted.
 */
export async function run(args: readonly string[], env: Record<string, string> = {}): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), { args: [...args], cwd: new URL("../", import.meta.url), env })
    .spawn();
  const { code, signal } = await endOf(child);
  if (signal !== undefined) throw new Interrupted(signal);
  return code;
}
