import type { peft, train } from "../../../mod.ts";
import { hashSpec, LATE_STATES, type RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { lastMetric } from "../../../lib/experiment/records/record.ts";
import { failureOf } from "../../../lib/train/step_log.ts";
import type { AnyRunTask, Sources } from "../data/inputs.ts";
import { makeMethod } from "./make_method.ts";
import { copyOutcome, loadOutcome, saveOutcome, startFrom } from "./outcome.ts";
import { type RunFunctions, runFunctions, type RunParts } from "./prepare.ts";
import { cellData, type Program, programOf } from "./program.ts";
import { flatMetrics, type Score } from "./score.ts";
import { loadState, type RunProgress, saveState, type Scored } from "./state_file.ts";
import { StepBatches } from "./step_batches.ts";
import type { TrainHooks } from "./train_hooks.ts";

/** Numbers of steps at whose end a run is scored. */
export function scoredSteps(
  { steps, evaluateEvery = steps, checkpoint }: Pick<RunSpec, "steps" | "evaluateEvery" | "checkpoint">,
): number[] {
  const all = Array.from(
    { length: Math.ceil(steps / evaluateEvery) },
    (_, i) => Math.min((i + 1) * evaluateEvery, steps),
  );
  return checkpoint === "late" ? all.slice(-LATE_STATES) : all;
}

/** Means over the late states so far, of which `count` were scored before, and the newest one's by names of their own. */
function lateMetrics(
  before: Readonly<Record<string, number>> | undefined,
  now: Readonly<Record<string, number>>,
  count: number,
): Record<string, number> {
  const names = Object.keys(now);
  const means = names.map((name) => [name, before ? (count * before[name] + now[name]) / (count + 1) : now[name]]);
  return Object.fromEntries([...means, ...names.map((name) => [lastMetric(name), now[name]])]);
}

/** Where a run's files lie. */
export interface CellPlace {
  /** The folder of records, for outcomes. */
  readonly out?: string;
  readonly isKept: boolean;
  readonly sources: Sources;
}

/** What a run is made of beside its spec. */
export interface CellParts extends Omit<RunParts, "task"> {
  readonly task: AnyRunTask;
  readonly place: CellPlace;
  /** What trains it, maybe beside runs of other methods. */
  readonly program: Program<RunSpec>;
  /** What all runs of the group have, if they do. */
  readonly decay: number | undefined;
}

/** One run on its way, of those that a program trains: what it was told, and what it leaves. Its state lies with the others'. */
export class Cell {
  /** As the run's own spec has it, for what is written: the program's may be another's. */
  readonly method: peft.Method;
  readonly program: Program<RunSpec>;
  readonly batches: StepBatches;
  readonly task: AnyRunTask;
  readonly place: CellPlace;
  /** What a program of its own does with the run's numbers. */
  readonly functions: Pick<RunFunctions, "begin" | "params" | "fresh" | "method" | "optimizer">;
  readonly curve: train.StepLog[] = [];
  best: Scored | undefined;
  scores: Readonly<Record<string, Score>> | undefined;
  /** Why it cannot go on; others do not notice. */
  failure: Error | undefined;
  /** Seconds that its steps before took. */
  #before = 0;

  constructor(
    readonly spec: RunSpec,
    readonly hooks: TrainHooks,
    { task, place, program, decay, ...parts }: CellParts,
  ) {
    const own = programOf(spec);
    this.program = program;
    this.method = makeMethod(spec, { beginning: parts.beginning });
    this.functions = runFunctions(own.spec, { ...parts, task: task.task }, cellData([own], decay));
    this.task = task;
    this.place = place;
    this.batches = new StepBatches(task, spec);
  }

  /** Steps that are done. */
  get done(): number {
    return this.curve.length;
  }

  /** Where the run is: at its beginning, at the outcome that it starts from, or at the state that it left. */
  async begin(): Promise<train.TrainState> {
    const { spec, hooks: { states } } = this;
    const fresh = this.functions.begin(spec.seed);
    const { state, curve, best } = states?.isResumed
      ? await this.#resume(states.folder, fresh, states.onDamage)
      : await this.#start(fresh);
    this.curve.push(...curve);
    this.best = best;
    return state;
  }

  async #resume(folder: string, fresh: train.TrainState, onDamage?: (error: Error) => void): Promise<RunProgress> {
    try {
      return await loadState(folder, fresh, { method: this.method, spec: this.spec });
    } catch (error) {
      if (!onDamage) throw error;
      onDamage(error as Error);
      return await this.#start(fresh);
    }
  }

  async #start(fresh: train.TrainState): Promise<RunProgress> {
    const { spec: { start }, place: { out } } = this;
    if (!start) return { state: fresh, curve: [] };
    if (out === undefined) {
      throw new Error(`internal: a run starts from ${start.run}, and there is no folder of records`);
    }
    return { state: startFrom(fresh, await loadOutcome(out, start), this.functions), curve: [] };
  }

  /** A state of the run as one of its program. */
  enter(state: train.TrainState): train.TrainState {
    const { auxOf } = this.program;
    return auxOf ? { ...state, aux: auxOf(state.trainable) } : state;
  }

  /** A state of its program as one of the run's own method. */
  leave(state: train.TrainState): train.TrainState {
    return this.program.auxOf ? { ...state, aux: {} } : state;
  }

  /** Times of the logs that follow count on from here. */
  mark(): void {
    this.#before = this.curve.at(-1)?.elapsedSeconds ?? 0;
  }

  /** Takes what a step told, whose batch had so many tokens. */
  log(told: train.StepLog, tokens: number): void {
    this.failure ??= failureOf(told);
    if (this.failure) return;
    this.curve.push({ ...told, elapsedSeconds: this.#before + told.elapsedSeconds });
    const { step, loss, learningRate, gradNorm } = told;
    this.hooks.onStep?.({ step, loss, learningRate, gradNorm, tokens });
  }

  /** Takes the scores of a state, and keeps the best. */
  async score(scores: Readonly<Record<string, Score>>, stateOf: () => Promise<train.TrainState>): Promise<void> {
    this.scores = scores;
    const { spec: { checkpoint }, best, done } = this;
    if (checkpoint === "late" && best?.step === done) return; // it is among them since before the run was resumed
    const count = scoredSteps(this.spec).indexOf(done);
    const own = flatMetrics(scores);
    const metrics = checkpoint === "late" ? lateMetrics(count > 0 ? best?.metrics : undefined, own, count) : own;
    const [old, now] = [this.best?.metrics[this.spec.metric], metrics[this.spec.metric]];
    if (checkpoint !== "late" && old !== undefined && !Number.isNaN(old) && !(now > old)) return;
    const outcome = this.place.isKept ? await copyOutcome(await stateOf(), this.method) : undefined;
    this.best = { step: this.done, metrics, outcome };
  }

  /** Whether a state of so many steps is saved, beside those that a signal makes. */
  isSaved(done: number): boolean {
    const { spec: { steps }, hooks: { states } } = this;
    return states !== undefined && (done < steps ? done % states.every === 0 : states.keepsLast === true);
  }

  /** Writes all that the run needs to go on from a state. */
  async save(state: train.TrainState): Promise<void> {
    const { hooks: { states }, spec, curve, best, method, place: { sources } } = this;
    if (states) await saveState(states.folder, { state, curve, best }, { method, info: { spec, sources } });
  }

  /** Writes what runs that start from this one begin with. */
  async saveOutcome(): Promise<void> {
    if (this.best?.outcome) await saveOutcome(this.place.out!, await hashSpec(this.spec), this.best.outcome);
  }
}
