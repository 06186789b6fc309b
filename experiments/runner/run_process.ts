// A process of run_processes.ts: trains the groups of runs that its parent sends, one after the other, on a device of its own.
import process from "node:process";
import { openDevice } from "../../mod.ts";
import type { RunSpec } from "../../lib/experiment/specs/mod.ts";
import { Inputs } from "./data/inputs.ts";
import type { Answer, Order, RunProcessOptions } from "./run_processes.ts";
import { Trainer } from "./train/trainer.ts";
import { endProcess } from "../terminal/end_process.ts";
import { ENDING_SIGNALS } from "../terminal/interrupt.ts";
import { tell } from "../terminal/tell.ts";

let trainer: Promise<Trainer> | undefined;
let controller = new AbortController();

async function begin({ sources, device: wanted, ...options }: RunProcessOptions): Promise<Trainer> {
  const device = await openDevice({ device: wanted, report: tell });
  return new Trainer(device, new Inputs(sources), options);
}

const answer = (message: Answer) => process.send!(message);

/** Resolves when the parent has recorded what it was told last. */
let recorded = Promise.withResolvers<void>();

async function run(specs: readonly RunSpec[]): Promise<void> {
  controller = new AbortController();
  try {
    await (await trainer!).runGroup(specs, {
      onProgress: (cell, progress) => answer({ kind: "progress", cell, progress }),
      async onOutcome(cell, outcome) {
        recorded = Promise.withResolvers<void>();
        answer({ kind: "outcome", cell, outcome });
        await recorded.promise;
      },
      signal: controller.signal,
    });
    answer({ kind: "end" });
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    answer({ kind: "error", name, message });
  }
}

process.on("message", (message) => {
  const order = message as Order;
  if (order.kind === "begin") {
    trainer = begin(order.options);
    trainer.catch(() => {}); // the first run tells of it
  } else if (order.kind === "run") run(order.specs);
  else if (order.kind === "recorded") recorded.resolve();
  else controller.abort();
});
process.on("disconnect", () => endProcess(0));
// Where the parent was killed with messages unread, the channel breaks and nothing is said of it.
const [parent] = Deno.args.map(Number);
setInterval(() => Deno.ppid !== parent && endProcess(0), 1000);
// Terminals and clusters send their signals to all processes; the parent says when to stop.
for (const signal of ENDING_SIGNALS) Deno.addSignalListener(signal, () => {});
