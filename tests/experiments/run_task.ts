import { TEST_DEVICE } from "../support/devices.ts";

/** The project's root. */
export const ROOT: URL = new URL("../../", import.meta.url);

/** How a command ended. */
export interface TaskResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command under way. */
export interface RunningTask {
  /** Process of the launcher, as `deno task` starts it. */
  readonly process: Deno.ChildProcess;
  readonly result: Promise<TaskResult>;
}

/** Options of {@linkcode startTask}. */
export interface StartOptions {
  /** Another copy of the project. */
  readonly root?: URL;
  readonly env?: Readonly<Record<string, string>>;
  /** Gives it a process group of its own, so that a signal can be sent to all of its processes at once. */
  readonly isGroup?: boolean;
  /** Hears of each line on standard error as it comes. */
  readonly onLine?: (line: string) => void;
}

/** Tasks that compute on a device. */
const ON_DEVICE = new Set(["doctor", "pretrain", "reproduce", "run", "sweep", "train", "evaluate", "merge", "convert"]);

/** Arguments of a task, with the device that is tested where they name none. */
function onTestDevice(name: string, args: readonly string[]): readonly string[] {
  if (TEST_DEVICE === undefined || !ON_DEVICE.has(name) || args.includes("--device")) return args;
  return [...args, "--device", TEST_DEVICE];
}

async function collect(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onLine?: (line: string) => void,
): Promise<string> {
  let text = "";
  for await (const part of stream.pipeThrough(new TextDecoderStream())) {
    const known = text.lastIndexOf("\n") + 1;
    text += part;
    text.slice(known).split("\n").slice(0, -1).forEach((line) => onLine?.(line));
  }
  return text;
}

/** Starts a task of `deno.json` as `deno task` does, with standard output and standard error as pipes. */
export function startTask(name: string, args: readonly string[], options: StartOptions = {}): RunningTask {
  const { root = ROOT, env = {}, isGroup = false, onLine } = options;
  const rights = ["--allow-run", "--allow-env", "--allow-read", "--allow-write"];
  const launcher = new URL("tools/launch.ts", root).pathname;
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", ...rights, launcher, name, ...onTestDevice(name, args)],
    cwd: root,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    detached: isGroup,
  }).spawn();
  const result = Promise.all([process.status, collect(process.stdout), collect(process.stderr, onLine)])
    .then(([{ code }, stdout, stderr]) => ({ code, stdout, stderr }));
  return { process, result };
}

/** Runs a task of `deno.json` to its end. */
export async function runTask(name: string, args: readonly string[], options?: StartOptions): Promise<TaskResult> {
  return await startTask(name, args, options).result;
}

/** The process that the lock of a folder of records names: the one that trains, or starts those that do. */
export function ownerOf(out: string): number {
  return Number(Deno.readTextFileSync(`${out}/.lock`).match(/\d+/)![0]);
}

/** Runs `reproduce`, and does something to its processes at the first line on standard error that is the moment for it. */
export async function disturbed(
  args: readonly string[],
  isMoment: (line: string) => boolean,
  disturb: (launcher: Deno.ChildProcess) => void | Promise<void>,
): Promise<TaskResult> {
  let isDisturbed = false;
  const { process, result } = startTask("reproduce", args, {
    onLine: async (line) => {
      if (isDisturbed || !isMoment(line)) return;
      isDisturbed = true;
      await disturb(process);
    },
  });
  return await result;
}

/** A line of a stack trace, or Deno's own report of an error that nobody caught. */
export const STACK = /^\s+at .+:\d+:\d+\)?$|Uncaught/m;
