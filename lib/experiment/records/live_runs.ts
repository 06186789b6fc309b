import { isObject } from "../../text/is_object.ts";
import { messageOf } from "../../text/message_of.ts";
import { writeAtomically } from "../../io/write_atomically.ts";
import type { RunSpec } from "../specs/run_spec.ts";

/** A run under way, as a folder of records tells of it. */
export interface LiveRun {
  /** The run's name, the hash of its spec. */
  readonly hash: string;
  /** What is run. */
  readonly spec: RunSpec;
  /** Steps done. */
  readonly step: number;
  /** Numbers of steps from 0, evenly thinned out, and the mean losses of their batches. */
  readonly curve: readonly (readonly [step: number, loss: number])[];
}

/** The file that tells of runs under way; there as long as somebody trains, or was killed. */
const FILE = "live.json";

/** Milliseconds from one writing of the file to the next, and most points of a curve in it. */
const PAUSE = 1000;
const MOST_POINTS = 256;

/** A curve that keeps every first, second, fourth … point, so that it never has too many. */
class ThinCurve {
  #stride = 1;
  points: (readonly [step: number, loss: number])[] = [];

  add(step: number, loss: number): void {
    if (step % this.#stride !== 0) return;
    this.points.push([step, loss]);
    if (this.points.length <= MOST_POINTS) return;
    this.#stride *= 2;
    this.points = this.points.filter(([step]) => step % this.#stride === 0);
  }
}

/** Tells of runs under way in a file of their folder, about once a second, for whoever looks on. */
export class LiveRuns {
  readonly #runs = new Map<string, { readonly spec: RunSpec; step: number; readonly curve: ThinCurve }>();
  #ended = -Infinity;
  #writing: Promise<void> | undefined;
  #fault: unknown;

  /** Takes the folder of records, of which the caller has the use. */
  constructor(readonly folder: string) {}

  /** Hears that a run begins. */
  start(hash: string, spec: RunSpec): void {
    this.#runs.set(hash, { spec, step: 0, curve: new ThinCurve() });
    this.#refresh();
  }

  /** Hears of a run's steps. */
  progress(hash: string, { step, loss }: { readonly step: number; readonly loss: number }): void {
    const run = this.#runs.get(hash);
    if (!run) return;
    run.step = step;
    run.curve.add(step - 1, loss);
    this.#refresh();
  }

  /** Hears that a run ended. */
  end(hash: string): void {
    this.#runs.delete(hash);
    this.#refresh();
  }

  /** Takes the file away. Throws what writing it threw. */
  async close(): Promise<void> {
    await this.#writing;
    if (this.#fault !== undefined) throw this.#fault;
    await Deno.remove(`${this.folder}/${FILE}`).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // nothing began
    });
  }

  #refresh(): void {
    if (this.#writing !== undefined || performance.now() - this.#ended < PAUSE) return;
    this.#writing = this.#write().catch((error) => {
      this.#fault ??= error;
    }).finally(() => {
      this.#ended = performance.now();
      this.#writing = undefined;
    });
  }

  async #write(): Promise<void> {
    const runs = Array.from(this.#runs, ([hash, { spec, step, curve }]): LiveRun => {
      // JSON has no NaN: a loss that is no number is left out, and its run is about to fail.
      return { hash, spec, step, curve: curve.points.filter(([, loss]) => Number.isFinite(loss)) };
    });
    await writeAtomically(`${this.folder}/${FILE}`, JSON.stringify({ runs }));
  }
}

/**
 * What a folder of records tells of runs under way: about a second old where somebody trains there, and the last that was
 * told where that process was killed; nothing otherwise.
 *
 * Throws an Error where there is a file that cannot be read.
 *
 * @example
 * ```ts
 * import { readLiveRuns } from "@delta-dawn/delta-lora/experiment";
 *
 * console.log((await readLiveRuns("runs/nothing-here")).length); // 0
 * ```
 */
export async function readLiveRuns(folder: string): Promise<readonly LiveRun[]> {
  const path = `${folder}/${FILE}`;
  try {
    const told: unknown = JSON.parse(await Deno.readTextFile(path));
    if (isObject(told) && Array.isArray(told.runs)) return told.runs;
    throw new Error("it has no list of runs");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw new Error(`cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}
