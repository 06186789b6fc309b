import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { RunSpec } from "../../lib/experiment/specs/mod.ts";
import type { GroupHooks, RunOutcome, RunProgress } from "../../lib/experiment/records/mod.ts";
import { ENDING_SIGNALS, Interrupted } from "../terminal/interrupt.ts";
import { plural } from "../../lib/text/plural.ts";
import { runTitle } from "../terminal/narrator.ts";
import { coreShare } from "./core_share.ts";
import type { Sources } from "./data/inputs.ts";
import { lockFlags } from "./locked.ts";

/** What each process begins with. */
export interface RunProcessOptions {
  readonly sources: Sources;
  /** The name by which it opens its device. */
  readonly device?: string;
  /** The folder of records: outcomes that runs start from lie in it. */
  readonly out: string;
  /** Hashes of the specs whose outcomes are kept there. */
  readonly kept?: ReadonlySet<string>;
  /** How many of them there are. */
  readonly parallel: number;
  /** Steps between states that are saved there. */
  readonly saveEvery?: number;
}

/** What a process is told. */
export type Order =
  | { readonly kind: "begin"; readonly options: RunProcessOptions }
  | { readonly kind: "run"; readonly specs: readonly RunSpec[] }
  /** What came of a run is recorded. */
  | { readonly kind: "recorded" }
  | { readonly kind: "stop" };

/** What a process tells. */
export type Answer =
  | { readonly kind: "progress"; readonly cell: number; readonly progress: RunProgress }
  | { readonly kind: "outcome"; readonly cell: number; readonly outcome: RunOutcome }
  | { readonly kind: "end" }
  | { readonly kind: "error"; readonly name: string; readonly message: string };

/** A process with a device of its own, which trains one group of runs at a time. */
class RunProcess {
  readonly #child: ChildProcess;

  constructor(options: RunProcessOptions) {
    const script = fileURLToPath(new URL("./run_process.ts", import.meta.url));
    const args = ["run", "--quiet", ...lockFlags(), "--allow-all", script, String(Deno.pid)];
    this.#child = spawn(Deno.execPath(), args, {
      env: coreShare(options.parallel),
      serialization: "advanced", // scores may be NaN, which JSON has not
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.#send({ kind: "begin", options });
  }

  #send(order: Order): void {
    this.#child.send(order);
  }

  /** Trains and scores runs there, as a `GroupRunner` does. */
  async run(specs: readonly RunSpec[], { onProgress, onOutcome, signal }: GroupHooks): Promise<void> {
    const child = this.#child;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onMessage = (message: unknown) => {
      const answer = message as Answer;
      if (answer.kind === "progress") onProgress(answer.cell, answer.progress);
      else if (answer.kind === "outcome") {
        onOutcome(answer.cell, answer.outcome).then(() => this.#send({ kind: "recorded" })).catch(reject);
      } else if (answer.kind === "end") resolve();
      else if (signal?.aborted) reject(signal.reason);
      else reject(Object.assign(new Error(answer.message), { name: answer.name }));
    };
    const onExit = (code: number | null, by: string | null) => {
      // A signal to all processes may reach this one later, or one that starts before it listens.
      const ending = ENDING_SIGNALS.find((name) => name === by);
      if (signal?.aborted) reject(signal.reason);
      else if (ending) reject(new Interrupted(ending, "the same command goes on from here"));
      else {
        const others = specs.length > 1 ? ` and ${plural(specs.length - 1, "other run")}` : "";
        const how = by ?? `exit code ${code}`;
        reject(new Error(`the process that trained ${runTitle(specs[0])}${others} ended by itself: ${how}`));
      }
    };
    const stop = () => this.#send({ kind: "stop" });
    child.on("message", onMessage).on("exit", onExit);
    signal?.addEventListener("abort", stop);
    try {
      if (child.exitCode !== null || child.signalCode !== null) onExit(child.exitCode, child.signalCode);
      else this.#send({ kind: "run", specs });
      await promise;
    } finally {
      child.off("message", onMessage).off("exit", onExit);
      signal?.removeEventListener("abort", stop);
    }
  }

  /** Lets it end; it does so, too, when this process is gone. */
  close(): void {
    if (this.#child.connected) this.#child.disconnect();
  }
}

/**
 * Trains and scores groups of runs in processes of their own, as many at once as are asked for: each has a device and a share of the
 * cores. Values are those that one process gives; times are of a share of the machine, with other runs beside.
 */
export class RunProcesses implements Disposable {
  readonly #all: RunProcess[] = [];
  readonly #idle: RunProcess[] = [];

  constructor(readonly options: RunProcessOptions) {}

  #start(): RunProcess {
    const process = new RunProcess(this.options);
    this.#all.push(process);
    return process;
  }

  /** Trains and scores runs together, in a process that is free or a new one. */
  async runGroup(specs: readonly RunSpec[], hooks: GroupHooks): Promise<void> {
    const process = this.#idle.pop() ?? this.#start();
    try {
      await process.run(specs, hooks);
    } finally {
      this.#idle.push(process);
    }
  }

  /** Lets all of them end. */
  [Symbol.dispose](): void {
    for (const process of this.#all) process.close();
  }
}
