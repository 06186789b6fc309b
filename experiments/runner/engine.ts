import { type Device, openDevice } from "../../mod.ts";
import type { GroupRunner } from "../../lib/experiment/records/mod.ts";
import type { RunSpec } from "../../lib/experiment/specs/mod.ts";
import { tell } from "../terminal/tell.ts";
import { cellsThatFit, type Room, roomOn } from "./cells_that_fit.ts";
import type { Inputs } from "./data/inputs.ts";
import { signaturesOf, workOf } from "./program_plan.ts";
import { RunProcesses } from "./run_processes.ts";
import { type SharedOut, shareOut } from "./share_out.ts";
import { programsOf } from "./train/program.ts";
import { PROGRAM_STEPS } from "./train/stages.ts";
import { bytesAt } from "./train/step_work.ts";
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
  /** How many processes train at once; by default what `shareOut` says. */
  readonly parallel?: number;
  /** Most runs that a process trains in one program; by default what `shareOut` says. */
  readonly cells?: number;
}

/** What trains the runs of a grid. */
export interface Engine extends SharedOut, Disposable {
  readonly device: Device;
  /** Trains in this process: the steps that an estimate needs, and where no other processes do, all runs. */
  readonly trainer: Trainer;
  /** Trains and scores runs, here or where several processes do in those. */
  readonly runnerOf: (specs: readonly RunSpec[]) => Promise<GroupRunner>;
}

/** How many runs of each program are trained together, by its signature: as many as are wanted and have room. */
export async function groupSizes(
  specs: readonly RunSpec[],
  { signatures, inputs, cells, room }: {
    readonly signatures: ReadonlyMap<RunSpec, string>;
    readonly inputs: Inputs;
    readonly cells: number;
    readonly room: Room;
  },
): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>();
  for (const [signature, runs] of Map.groupBy(specs, (spec) => signatures.get(spec)!)) {
    const wanted = Math.min(cells, runs.length);
    sizes.set(signature, wanted);
    if (wanted === 1) continue;
    const [{ spec }] = programsOf(runs);
    const model = await inputs.model(spec.model.weights);
    // A plan needs no data: what the task is then says its name.
    const encoded = inputs.hasDataOf(spec) ? await inputs.encodedRun(spec) : undefined;
    const beginning = encoded && await inputs.beginningOf(spec, encoded);
    const bytes = bytesAt(spec.model.length, { spec, model, task: encoded?.task, beginning });
    sizes.set(signature, cellsThatFit(wanted, bytes, room));
  }
  return sizes;
}

/** Opens the device, and makes what trains runs on it. */
export async function openEngine(inputs: Inputs, specs: readonly RunSpec[], options: EngineOptions): Promise<Engine> {
  const { out, kept, saveEvery, device: name, verbose } = options;
  const records = { out, kept, saveEvery };
  const device = await openDevice({ device: name, report: tell, verbose });
  const usual = shareOut(specs.map(({ model }) => model), device.report);
  const { parallel = usual.parallel, cells = usual.cells } = options;
  const trainer = new Trainer(device, inputs, records);
  const processes = parallel > 1
    ? new RunProcesses({ ...records, sources: inputs.sources, device: name, parallel })
    : undefined;
  return {
    device,
    trainer,
    parallel,
    cells,
    async runnerOf(specs) {
      const signatures = await signaturesOf(specs, inputs);
      const mostOf = await groupSizes(specs, { signatures, inputs, cells, room: roomOn(device, parallel) });
      return {
        most: (spec) => mostOf.get(signatures.get(spec)!)!,
        keyOf: (spec) => signatures.get(spec)!,
        workOf,
        beginWork: PROGRAM_STEPS,
        run: (group, hooks) => (processes ?? trainer).runGroup(group, hooks),
      };
    },
    [Symbol.dispose]() {
      trainer.close();
      processes?.[Symbol.dispose]();
      device[Symbol.dispose]();
    },
  };
}
