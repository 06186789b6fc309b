import { lockFlags } from "../experiments/runner/locked.ts";
import { Interrupted } from "../experiments/terminal/interrupt.ts";
import { endOf } from "./end_of.ts";

/** Subcommands that may fetch packages. */
const FETCHING = ["check", "doc", "run", "test"];

/** Hears what a process says. */
export type Listener = (bytes: Uint8Array, isError: boolean) => void;

/** Hands on what a process says, as it comes. */
async function handOn(child: Deno.ChildProcess, listener: Listener): Promise<void> {
  await Promise.all([child.stdout, child.stderr].map(async (stream, i) => {
    for await (const bytes of stream) listener(bytes, i === 1);
  }));
}

/** Options of {@linkcode run}. */
export interface RunOptions {
  /** Variables of its environment beside those of this process. */
  readonly env?: Record<string, string>;
  /** Hears what it says, which is on this terminal otherwise. */
  readonly listener?: Listener;
}

/**
 * Runs Deno in the project's folder, on this terminal, and gives its exit code; packages are those of `deno.lock`, or of
 * another configuration that is named. A signal that asks to end is handed on; once it has ended, this throws Interrupted.
 */
export async function run(args: readonly string[], { env, listener }: RunOptions = {}): Promise<number> {
  const [command, ...rest] = args;
  const hasOwn = rest.some((flag) => flag.startsWith("--config"));
  const locked = [command, ...FETCHING.includes(command) && !hasOwn ? lockFlags() : [], ...rest];
  const cwd = new URL("../", import.meta.url);
  const [stdin, output] = listener ? ["null", "piped"] as const : ["inherit", "inherit"] as const;
  const child = new Deno.Command(Deno.execPath(), { args: locked, cwd, env, stdin, stdout: output, stderr: output })
    .spawn();
  const [{ code, signal }] = await Promise.all([endOf(child), listener && handOn(child, listener)]);
  if (signal !== undefined) throw new Interrupted(signal);
  return code;
}
