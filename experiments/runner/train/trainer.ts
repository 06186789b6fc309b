import { type Batch, type Device, type peft, train } from "../../../mod.ts";
import { treeDispose } from "../../../lib/tensor/mod.ts";
import { productChoices } from "../../../lib/compile/inspect_mod.ts";
import { hashSpec, type RunSpec } from "../../../lib/experiment/specs/mod.ts";
import type { RunFunction, RunResult } from "../../../lib/experiment/records/mod.ts";
import { tell } from "../../terminal/tell.ts";
import { versions } from "../versions.ts";
import type { Inputs, RunTask } from "../data/inputs.ts";
import { StepBatches, type StepLine } from "./step_batches.ts";
import { copyOutcome, loadOutcome, saveOutcome, startFrom } from "./outcome.ts";
import { loadModelOf } from "../model/own_model.ts";
import { loadMethodOf } from "./load_method.ts";
import { prepare, type Prepared, preparedKey } from "./prepare.ts";
import { flatMetrics, type Score, SCORE_BATCH_SIZE, scoredBatches, scoredCount, scoreSets } from "./score.ts";
import { hasState, loadState, type RunProgress, saveState } from "./state_file.ts";

/** Options of {@linkcode Trainer}. */
export interface TrainerOptions {
  /** The folder of records: outcomes that runs start from lie in it, and states of runs that are under way. */
  readonly out?: string;
  /** Hashes of the specs whose outcomes are kept there. */
  readonly kept?: ReadonlySet<string>;
  /** How many runs are under way at once, for the record: 1 by default. */
  readonly parallel?: number;
  /** Steps between states that {@linkcode Trainer.run} saves in `out`; it saves none by default. */
  readonly saveEvery?: number;
}

/** Where a run's states lie, and when one is written. */
export interface StateOptions {
  readonly folder: string;
  /** Steps between them. One is written when a signal ends the run, too. */
  readonly every: number;
  /** Goes on from the state that is there; else the run begins anew. */
  readonly isResumed: boolean;
  /** Whether the last state is kept, too. */
  readonly keepsLast?: boolean;
  /** Hears of a state that cannot be gone on from, and the run begins anew; else it is thrown. */
  readonly onDamage?: (error: Error) => void;
}

/** A run that is about to take a step. */
export interface Begun {
  readonly method: peft.Method;
  readonly state: train.TrainState;
  /** Steps that are done already. */
  readonly done: number;
  readonly task: RunTask;
  /** Parameters of the model that the seed drew. */
  readonly fresh: () => readonly string[];
}

/** A run that took its last step. */
export interface Ended {
  readonly method: peft.Method;
  readonly state: train.TrainState;
  /** Of the last state, by set. */
  readonly scores: Readonly<Record<string, Score>>;
}

/** What hears of a run on its way. */
export interface TrainHooks {
  readonly states?: StateOptions;
  readonly onBegin?: (run: Begun) => void | Promise<void>;
  /** Hears of every step, one step late so that the device never waits. */
  readonly onStep?: (line: StepLine) => void;
  /** Hears that the last step is done, before it is scored. */
  readonly onTrained?: () => void;
  /** Gets the last state, which is given back afterwards. */
  readonly onEnd?: (run: Ended) => void | Promise<void>;
  /** Ends the run between two steps, once its state is saved. */
  readonly signal?: AbortSignal;
}

/** A run ready to train. */
interface Ready {
  readonly prepared: Prepared;
  readonly task: RunTask;
}

/** Seconds that parts of a run take, and the length in tokens of the batches that they were measured on. */
export interface Pace {
  /** Of a step. */
  readonly step: { readonly seconds: number; readonly length: number };
  /** Of scoring a batch of the dev split. */
  readonly score: { readonly seconds: number; readonly length: number };
}

/** Numbers of steps at whose end a run is scored. */
export function scoredSteps({ steps, evaluateEvery = steps }: Pick<RunSpec, "steps" | "evaluateEvery">): number[] {
  return Array.from({ length: Math.ceil(steps / evaluateEvery) }, (_, i) => Math.min((i + 1) * evaluateEvery, steps));
}

/** The folder of a run's states in a folder of records. */
export function statesFolder(out: string, hash: string): string {
  return `${out}/states/${hash}`;
}

/**
 * Trains and scores runs on a device, each from its spec alone: model and data are those of the inputs, and are checked
 * against the hashes in the spec.
 */
export class Trainer {
  #prepared: Prepared | undefined;

  constructor(readonly device: Device, readonly inputs: Inputs, readonly options: TrainerOptions = {}) {}

  /** Compiles what a run needs, once for all seeds of a task and method; what was compiled before is given back. */
  async #prepare(spec: RunSpec): Promise<Ready> {
    await loadMethodOf(spec);
    await loadModelOf(spec);
    const model = await this.inputs.model(spec.model.weights);
    const task = await this.inputs.encoded(spec);
    for (
      const [what, here, there] of [
        ["model", model.reference.hash, spec.model.hash],
        ["data", task.task.hash, spec.data.hash],
      ]
    ) {
      if (here === there) continue;
      const name = what === "model" ? spec.model.name : spec.task;
      throw new Error(
        `cannot run ${spec.task} ${spec.method.name} as the ${what} of ${name} changed: its hash is ` +
          `${here.slice(0, 12)}… now, and ${there.slice(0, 12)}… in the spec`,
      );
    }
    if (this.#prepared?.key !== preparedKey(spec)) {
      this.close();
      const beginning = spec.adapter &&
        await this.inputs.beginning(spec, task.task);
      if (beginning && beginning.hash !== spec.adapter!.hash) {
        throw new Error(`cannot run ${spec.task} ${spec.method.name} as the adapter that it begins from changed`);
      }
      this.#prepared = prepare(spec, { model, task: task.task, beginning });
    }
    return { prepared: this.#prepared!, task };
  }

  /** Where a run is: at its beginning, at the outcome that it starts from, or at the state that it left. */
  async #begin(spec: RunSpec, prepared: Prepared, states: StateOptions | undefined): Promise<RunProgress> {
    const { start, seed } = spec;
    const fresh = prepared.begin(seed);
    if (states?.isResumed) {
      try {
        return await loadState(states.folder, fresh, { method: prepared.method, spec });
      } catch (error) {
        if (!states.onDamage) throw error;
        states.onDamage(error as Error);
      }
    }
    if (!start) return { state: fresh, curve: [] };
    const { out } = this.options;
    if (out === undefined) {
      throw new Error(`internal: a run starts from ${start.run}, and there is no folder of records`);
    }
    return { state: startFrom(fresh, await loadOutcome(out, start), prepared), curve: [] };
  }

  /** Seconds that parts of a run take, measured on a few of its steps; where it starts from does not matter. */
  async pace(spec: RunSpec): Promise<Pace> {
    const { prepared: { step, logits, begin }, task } = await this.#prepare(spec);
    const batches = new StepBatches(task, { ...spec, seed: 0 }).at(0);
    const batch = batches.map(train.toBatch);
    const [first] = Object.values(task.sets);
    const { scoreBatchSize } = spec;
    const examples = first.examples.slice(0, scoreBatchSize ?? SCORE_BATCH_SIZE);
    const [evalBatch] = scoredBatches({ ...first, examples }, spec);
    let state = begin(spec.seed);
    const timed = async (times: number, call: () => Promise<unknown>) => {
      const began = performance.now();
      for (let i = 0; i < times; i++) await call();
      await this.device.done();
      return (performance.now() - began) / 1000 / times;
    };
    const advance = async () => [state] = await step(state, batch);
    const score = async () => (await logits(state, train.toBatch(evalBatch))).data();
    try {
      await timed(1, advance);
      const perStep = await timed(3, advance);
      await score();
      const perBatch = await timed(1, score);
      return {
        step: { seconds: perStep, length: batches[0].shape[1] },
        score: { seconds: perBatch, length: evalBatch.shape[1] },
      };
    } finally {
      await this.#release(state, spec);
    }
  }

  /** Seconds that a run will take, measured on a few of its steps. */
  async estimate(spec: RunSpec): Promise<number> {
    const { step, score } = await this.pace(spec);
    const { task } = await this.#prepare(spec);
    return spec.steps * step.seconds + scoredSteps(spec).length * scoredCount(task, spec) * score.seconds;
  }

  /**
   * Trains one run of a grid and scores it. With `saveEvery` its state lies in `states/` of the folder of records on its
   * way, and it goes on from one that is there; one that cannot be read is told of, and the run begins anew.
   */
  readonly run: RunFunction = async (spec, { onProgress, signal }): Promise<RunResult> => {
    const { out, saveEvery } = this.options;
    const onStep = ({ step, loss }: StepLine) => onProgress({ step: step + 1, steps: spec.steps, loss });
    if (out === undefined || saveEvery === undefined) return await this.train(spec, { onStep, signal });
    const folder = statesFolder(out, await hashSpec(spec));
    const states: StateOptions = {
      folder,
      every: saveEvery,
      isResumed: await hasState(folder),
      onDamage: ({ message }) => tell(`${message}: the run begins anew`),
    };
    return await this.train(spec, { onStep, signal, states });
  };

  /** Trains a run and scores it on the dev split: its last state, or of those on the way the best. */
  async train(spec: RunSpec, hooks: TrainHooks = {}): Promise<RunResult> {
    const began = performance.now();
    const { states, signal } = hooks;
    const { prepared, task } = await this.#prepare(spec);
    const { step, logits, method } = prepared;
    const hash = await hashSpec(spec);
    const isKept = this.options.kept?.has(hash) ?? false;
    const info = { spec, sources: this.inputs.sources };
    const batches = new StepBatches(task, spec);
    const scored = new Set(scoredSteps(spec));
    let { state, curve, best } = await this.#begin(spec, prepared, states);
    const score = () => scoreSets((batch) => logits(state, batch), task, spec);
    const save = async () => {
      if (states) await saveState(states.folder, { state, curve, best }, { method, info });
    };
    const isSaved = (done: number) => states && (done < spec.steps ? done % states.every === 0 : states.keepsLast);
    const stopAfter = (done: number) => {
      const next = states ? (Math.floor(done / states.every) + 1) * states.every : spec.steps;
      return Math.min(next, spec.steps, ...[...scored].filter((at) => at > done));
    };
    let scores: Readonly<Record<string, Score>> | undefined;
    try {
      const batchAt = (index: number): readonly Batch[] => batches.at(index).map(train.toBatch);
      await hooks.onBegin?.({ method, state, done: curve.length, task, fresh: prepared.fresh });
      if (curve.length < spec.steps) await step.compile(state, batchAt(curve.length));
      while (curve.length < spec.steps) {
        const before = curve.at(-1)?.elapsedSeconds ?? 0;
        const logs: train.StepLog[] = [];
        try {
          await train.runSteps(step, state, batchAt, {
            start: curve.length,
            steps: stopAfter(curve.length),
            signal,
            onStep: (log) => {
              logs.push({ ...log, elapsedSeconds: before + log.elapsedSeconds });
              const { step, loss, learningRate, gradNorm } = log;
              hooks.onStep?.({ step, loss, learningRate, gradNorm, tokens: batches.tokensOf(step) });
            },
            onState: (_, next) => {
              state = next;
            },
          });
        } catch (error) {
          curve = [...curve, ...logs];
          if (signal?.aborted && error === signal.reason) await save();
          throw error;
        }
        curve = [...curve, ...logs];
        const done = curve.length;
        if (done === spec.steps) hooks.onTrained?.();
        if (scored.has(done)) {
          scores = await score();
          const metrics = flatMetrics(scores);
          const [old, now] = [best?.metrics[spec.metric], metrics[spec.metric]];
          if (old === undefined || Number.isNaN(old) || now > old) {
            best = { step: done, metrics, outcome: isKept ? await copyOutcome(state, method) : undefined };
          }
        }
        if (isSaved(done)) await save();
      }
      if (best?.outcome) await saveOutcome(this.options.out!, hash, best.outcome);
      await hooks.onEnd?.({ method, state, scores: scores ?? await score() });
      const { trainableParameters, totalParameters } = method.describe(state);
      const used = step.plans().flatMap(({ dispatches }) => dispatches.map(({ kernel }) => kernel));
      const kernels = new Set(used.filter((kernel) => kernel.startsWith("matmul")));
      const trained = curve.at(-1)!.elapsedSeconds;
      return {
        metrics: best!.metrics,
        bestStep: spec.checkpoint === "best" ? best!.step : undefined,
        curve,
        wallSeconds: (performance.now() - began) / 1000,
        stepsPerSecond: spec.steps / trained,
        parallel: this.options.parallel ?? 1,
        peakBytes: Math.max(0, ...step.memory().map(({ peakBytes }) => peakBytes)),
        trainableParameters,
        totalParameters,
        writes: await method.writeCount?.(state).item() ?? 0,
        device: `${this.device.report.name} (${this.device.report.source})`,
        kernels: [...kernels].sort().join(" "),
        products: productChoices(),
        versions: versions(),
      };
    } finally {
      await this.#release(state, spec);
    }
  }

  /** Gives back a state, but for the model's weights, which all runs share. */
  async #release({ base, ...own }: train.TrainState, spec: RunSpec): Promise<void> {
    const { weights = {} } = await this.inputs.model(spec.model.weights);
    const shared = new Set(Object.values(weights));
    treeDispose(own);
    for (const tensor of Object.values(base)) if (!shared.has(tensor)) tensor.dispose();
  }

  /** Gives back what was compiled. */
  close(): void {
    this.#prepared?.step.dispose();
    this.#prepared?.logits.dispose();
    this.#prepared = undefined;
  }
}
