import type { train } from "../../../mod.ts";
import { driveSteps } from "../../../lib/train/drive_steps.ts";
import { type Cell, scoredSteps } from "./cell.ts";
import { toCellBatch } from "./cells.ts";
import type { Compiled, Prepared, StepBatch } from "./prepare.ts";
import type { RunSettings } from "./make_method.ts";
import { cellData } from "./program.ts";
import { isTextRun } from "../data/inputs.ts";
import { TEXTS } from "./score.ts";
import { type CellScores, scoreCells, type Scored } from "./score_cells.ts";
import { writtenScore } from "./write_texts.ts";
import { stagesOf } from "./stages.ts";

/** Ends the loop where no run can go on. */
const ALL_FAILED = new Error("all of them failed");

/** Runs of one program with as many steps done, and their states as one. */
export class CellGroup {
  readonly steps: number;
  /** Of each cell of the state, the runs that are equal so far; the first stands for all. */
  #members: readonly (readonly Cell[])[];
  #state: train.TrainState | undefined;
  #compiled: Compiled;
  #data: RunSettings;

  constructor(readonly runs: readonly Cell[], readonly prepared: Prepared, readonly signal?: AbortSignal) {
    this.steps = runs[0].spec.steps;
    this.#members = runs.map((run) => [run]);
    [this.#compiled, this.#data] = [prepared.of(1), cellData([runs[0].program], prepared.decay)];
  }

  get #done(): number {
    return Math.max(...this.runs.map(({ done }) => done));
  }

  /** The program of a stage's cells. */
  #enter(members: readonly (readonly Cell[])[]): void {
    this.#members = members;
    this.#compiled = this.prepared.of(members.length);
    this.#data = cellData(members.map(([first]) => first.program), this.prepared.decay);
  }

  /** What computes, once it was called. */
  get step(): Compiled["step"] {
    return this.#compiled.step;
  }

  /** Trains the runs from their states on to their end; the states are taken over. */
  async train(states: readonly train.TrainState[]): Promise<void> {
    const { runs, steps, prepared } = this;
    const stages = stagesOf(runs.map(({ spec }) => spec), { from: this.#done, steps });
    const membersOf = (cells: readonly (readonly number[])[]) => cells.map((own) => own.map((place) => runs[place]));
    const firsts = stages[0].cells.map(([first]) => first);
    for (const [place, { hooks, method, done, task, functions: { fresh } }] of runs.entries()) {
      await hooks.onBegin?.({ method, state: states[place], done, task, fresh });
    }
    for (const [place, state] of states.entries()) if (!firsts.includes(place)) prepared.states.release(state);
    this.#state = await prepared.states.join(firsts.map((place) => runs[place].enter(states[place])));
    for (const { until, cells } of stages) {
      const members = membersOf(cells);
      await this.#fork(members);
      while (this.#done < until && this.#isAlive) await this.#advance(until);
    }
    if (this.#isAlive && runs.some(({ scores }) => !scores)) await this.#score();
  }

  get #isAlive(): boolean {
    return this.runs.some(({ failure }) => !failure);
  }

  /** Goes over to other cells, each from the one that it was part of. */
  async #fork(members: readonly (readonly Cell[])[]): Promise<void> {
    const { states } = this.prepared;
    const before = this.#members;
    if (members.length > before.length) {
      const places = members.map(([first]) => before.findIndex((own) => own.includes(first)));
      const [next] = await states.at(this.#state!, { cells: before.length, groups: [places] });
      states.release(this.#state!, new Set(Object.values(next.base)));
      this.#state = next;
    }
    this.#enter(members);
  }

  #batchAt(index: number): StepBatch[] {
    const parts = this.#members.map(([{ batches }]) => batches.at(index));
    return parts[0].map((_, part) => toCellBatch(parts.map((own) => own[part])));
  }

  #onLogs(logs: readonly train.StepLog[]): void {
    logs.forEach((log, cell) => {
      const [first] = this.#members[cell];
      const tokens = first.batches.tokensOf(log.step);
      for (const run of this.#members[cell]) run.log(log, tokens);
    });
    if (!this.#isAlive) throw ALL_FAILED;
  }

  /** Takes steps up to the next at which something is due. */
  async #advance(until: number): Promise<void> {
    const { runs, signal, steps } = this;
    const done = this.#done;
    const { hooks: { states } } = runs[0];
    const scored = scoredSteps(runs[0].spec);
    const saved = states ? (Math.floor(done / states.every) + 1) * states.every : steps;
    const stop = Math.min(saved, until, ...scored.filter((at) => at > done));
    const batchAt = (index: number) => this.#batchAt(index);
    const step = (state: train.TrainState, batch: StepBatch[], kind?: train.StepKind) =>
      this.#compiled.step(state, batch, this.#data, kind);
    for (const run of runs) run.mark();
    try {
      await driveSteps(step, this.#state!, batchAt, {
        start: done,
        steps: stop,
        kindAt: this.prepared.kindAt,
        signal,
        onLogs: (logs) => this.#onLogs(logs),
        onState: (_, next) => {
          this.#state = next;
        },
      });
    } catch (error) {
      if (error === ALL_FAILED) return;
      if (signal?.aborted && error === signal.reason) await this.#save(() => true);
      throw error;
    }
    if (stop === steps) { for (const { hooks } of runs) hooks.onTrained?.(); }
    if (scored.includes(stop)) await this.#score();
    await this.#save((run) => run.isSaved(stop));
  }

  async #score(): Promise<void> {
    const members = this.#members;
    const { base, trainable, aux } = this.#state!;
    const apply = (batch: StepBatch) => this.#compiled.logits({ base, trainable, aux }, batch, this.#data);
    const all = await scoreCells(apply, members.map(([first]) => first));
    for (const [cell, likely] of all.entries()) {
      const told = "error" in likely ? likely : await this.#withTexts(cell, likely);
      for (const run of members[cell]) {
        if ("error" in told) run.failure ??= told.error;
        else if (!run.failure) await run.score(told.scores, async () => run.leave(await this.#stateOf(cell)));
      }
    }
  }

  /** Scores with those of texts that are written, where the runs of a cell write some: they are equal so far. */
  async #withTexts(cell: number, { scores }: Scored): Promise<CellScores> {
    const [run] = this.#members[cell];
    const { task, hooks: { onTexts }, failure } = run;
    if (failure || !isTextRun(task) || !task.written) return { scores };
    const state = run.leave(await this.#stateOf(cell));
    try {
      const texts = await writtenScore(run.method, state, task, {
        generator: this.prepared.generator,
        signal: this.signal,
        onTexts,
      });
      return { scores: { ...scores, [TEXTS]: texts } };
    } catch (error) {
      if (error instanceof Error && error.name === "TrainingFailed") return { error };
      const { signal } = this;
      if (signal?.aborted && error === signal.reason) await this.#save(() => true);
      throw error;
    }
  }

  async #stateOf(cell: number): Promise<train.TrainState> {
    if (this.#members.length === 1) return this.#state!;
    const [state] = await this.prepared.states.at(this.#state!, { cells: this.#members.length, groups: [[cell]] });
    return state;
  }

  async #save(isDue: (run: Cell) => boolean): Promise<void> {
    await this.each(async (run, state) => {
      if (!run.failure && isDue(run)) await run.save(state);
    }, isDue);
  }

  /** Calls a function with each run and its state, which is that of the last step and must not be kept. */
  async each(
    call: (run: Cell, state: train.TrainState) => Promise<void>,
    isAsked: (run: Cell) => boolean = () => true,
  ): Promise<void> {
    const members = this.#members;
    if (!members.flat().some(isAsked)) return;
    const states = members.length === 1 ? [this.#state!] : await this.prepared.states.at(this.#state!, {
      cells: members.length,
      groups: members.map((_, cell) => [cell]),
    });
    for (const [cell, state] of states.entries()) {
      for (const run of members[cell]) await call(run, run.leave(state));
    }
  }

  /** Gives the states back. */
  close(): void {
    if (this.#state) this.prepared.states.release(this.#state);
    this.#state = undefined;
  }
}
