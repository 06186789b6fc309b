import type { RunSpec } from "../specs/spec.ts";
import { planGroups } from "./plan_groups.ts";
import type { GroupRunner, RunAllOptions, RunOutcome } from "./run_all.ts";

/** Options of {@linkcode Groups}. */
export interface GroupsOptions extends Pick<RunAllOptions, "onStart" | "onProgress"> {
  readonly runner: GroupRunner;
  readonly parallel: number;
  readonly hashes: readonly string[];
  /** Places of the runs that are to be done. */
  readonly open: readonly number[];
  readonly signal: AbortSignal;
  /** Records what came of a run. */
  readonly onOutcome: (index: number, outcome: RunOutcome) => Promise<void>;
}

/** The runs of a grid that are to be done, in groups: those under way, and those that ended. */
export class Groups {
  readonly #specs: readonly RunSpec[];
  readonly #options: GroupsOptions;
  #open: readonly number[];
  /** Groups in the order in which they begin. */
  #planned: readonly (readonly number[])[] = [];
  readonly #ended = new Set<number>();
  /** Hashes of runs that others may wait for. */
  readonly #unfinished: Set<string>;
  readonly #running = new Set<Promise<void>>();
  /** Resolves with the next outcome: runs of a group need not end together. */
  #outcome = Promise.withResolvers<void>();

  constructor(specs: readonly RunSpec[], options: GroupsOptions) {
    this.#specs = specs;
    this.#options = options;
    this.#open = options.open;
    this.#unfinished = new Set(options.open.map((index) => options.hashes[index]));
  }

  /** Whether a run came to its end and is recorded. */
  hasEnded(index: number): boolean {
    return this.#ended.has(index);
  }

  /** Begins what may begin, and waits until a run ends. */
  async next(): Promise<void> {
    while (this.#running.size < this.#options.parallel) {
      this.#plan();
      const [group, ...others] = this.#planned;
      if (!group) break;
      this.#planned = others;
      const ending = this.#run(group);
      this.#running.add(ending);
      // What it rejects with is heard of by who waits below.
      ending.then(() => this.#running.delete(ending), () => {});
    }
    await Promise.race([...this.#running, this.#outcome.promise]);
  }

  /** Plans groups of the runs that wait for no other, once for each. */
  #plan(): void {
    const { runner: { most, keyOf, workOf, beginWork }, parallel } = this.#options;
    const specs = this.#specs;
    const ready = this.#open.filter((index) => !this.#unfinished.has(specs[index].start?.run ?? ""));
    if (ready.length === 0) return;
    this.#open = this.#open.filter((index) => !ready.includes(index));
    const groups = planGroups(ready, {
      most: (index) => most(specs[index]),
      keyOf: (index) => keyOf(specs[index]),
      workOf: workOf && ((index) => workOf(specs[index])),
      beginWork,
      parallel,
    });
    this.#planned = [...this.#planned, ...groups];
  }

  async #run(group: readonly number[]): Promise<void> {
    const { runner, hashes, signal, onStart, onProgress, onOutcome } = this.#options;
    signal.throwIfAborted();
    const own = group.map((index) => this.#specs[index]);
    group.forEach((index, cell) => onStart?.(index, own[cell], own));
    await runner.run(own, {
      signal,
      onProgress: (cell, progress) => onProgress?.(group[cell], progress),
      onOutcome: async (cell, outcome) => {
        await onOutcome(group[cell], outcome);
        this.#end(group[cell]);
      },
    });
    const left = group.find((index) => !this.#ended.has(index));
    if (left !== undefined) throw new Error(`internal: nothing was said of what came of run ${hashes[left]}`);
  }

  #end(index: number): void {
    this.#ended.add(index);
    this.#unfinished.delete(this.#options.hashes[index]);
    this.#outcome.resolve();
    this.#outcome = Promise.withResolvers<void>();
  }

  /** Waits for all that is under way, however it ends. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running);
  }
}
