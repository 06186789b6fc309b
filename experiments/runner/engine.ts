import { type Device, openDevice } from "../../mod.ts";
import type { RunFunction } from "../../lib/experiment/records/mod.ts";
import { tell } from "../terminal/tell.ts";
import type { Inputs } from "./data/inputs.ts";
import { RunProcesses } from "./run_processes.ts";
import { Trainer } from "./train/trainer.ts";

/** Options of {@linkcode openEngine}. */
export interface EngineOptions {
  /** The folder of records. */
  readonly out: string;
  /** Hashes of the specs whose outcomes are kept there. */
  readonly kept?: ReadonlySet<string>;
  /** Steps between states that are saved there. */
  readonly saveEvery?: number;
  /** The name by which the device is opened. */
  readonly device?: string;
  /** With the warnings that Dawn has for every software device. */
  readonly verbose?: boolean;
  /** How many runs are under way at once, or how the device decides it; 1 by default. */
  readonly parallel?: number | ((device: Device) => number);
}

/** What trains the runs of a grid. */
export interface Engine extends Disposable {
  readonly device: Device;
  /** Trains in this process: runs one after the other, and the steps that an estimate needs. */
  readonly trainer: Trainer;
  /** How many runs are under way at once. */
  readonly parallel: number;
  /** Trains and scores a run, here or where several run at once in a process of its own. */
  readonly run: RunFunction;
}

/** Opens the device, and makes what trains on it. */
export async function openEngine(
  inputs: Inputs,
  { out, kept, saveEvery, device: name, verbose, parallel: wanted = 1 }: EngineOptions,
): Promise<Engine> {
  const records = { out, kept, saveEvery };
  const device = await openDevice({ device: name, report: tell, verbose });
  const parallel = typeof wanted === "number" ? wanted : wanted(device);
  const trainer = new Trainer(device, inputs, records);
  const processes = parallel > 1
    ? new RunProcesses({ ...records, sources: inputs.sources, device: name, parallel })
    : undefined;
  return {
    device,
    trainer,
    parallel,
    run: (processes ?? trainer).run,
    [Symbol.dispose]() {
      trainer.close();
      processes?.[Symbol.dispose]();
      device[Symbol.dispose]();
    },
  };
}
