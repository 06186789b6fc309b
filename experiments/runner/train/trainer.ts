import { type Device, train } from "../../../mod.ts";
import { productChoices } from "../../../lib/compile/inspect_mod.ts";
import { hashSpec, type RunSpec } from "../../../lib/experiment/specs/mod.ts";
import type { GroupHooks, RunFunction, RunOutcome, RunResult } from "../../../lib/experiment/records/mod.ts";
import { tell } from "../../terminal/tell.ts";
import { versions } from "../versions.ts";
import { type AnyRunTask, type Inputs, isTextRun } from "../data/inputs.ts";
import { loadModelOf } from "../model/own_model.ts";
import { Cell, type CellParts, scoredSteps } from "./cell.ts";
import { changesOf } from "./changes.ts";
import { toStepBatch } from "./cells.ts";
import { type AnyEncoded, lengthOf, partOf } from "./host_batches.ts";
import { kindShares } from "./kind_shares.ts";
import { loadMethodOf } from "./load_method.ts";
import { Prepared, type ProgramParts, runFunctions } from "./prepare.ts";
import { cellData, type Program, programOf, programsOf, ruleKey, sharedDecay, signatureOf } from "./program.ts";
import { savePredictions } from "./predictions_file.ts";
import { SCORE_BATCH_SIZE, scoredBatches, scoredCount } from "./score.ts";
import { hasState } from "./state_file.ts";
import { StepBatches } from "./step_batches.ts";
import { CellGroup } from "./train_cells.ts";
import type { StateOptions, TrainHooks } from "./train_hooks.ts";

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

/** A run of several that are trained together. */
export interface TrainedRun {
  readonly spec: RunSpec;
  readonly hooks: TrainHooks;
}

/** What a run is made of, its task as token ids, too. */
interface RunnableParts extends ProgramParts {
  readonly encoded: AnyRunTask;
}

/** Seconds that parts of a run take, and the length in tokens of the batches that they were measured on. */
export interface Pace {
  /** Of a step. */
  readonly step: { readonly seconds: number; readonly length: number };
  /** Of scoring a batch of the dev split. */
  readonly score: { readonly seconds: number; readonly length: number };
}

/** The folder of a run's states in a folder of records. */
export function statesFolder(out: string, hash: string): string {
  return `${out}/states/${hash}`;
}

/** The result of one run, of what trains it. Rejects with `TrainingFailed` where it fails. */
async function resultOf(trainOne: (onOutcome: GroupHooks["onOutcome"]) => Promise<void>): Promise<RunResult> {
  const told: RunOutcome[] = [];
  await trainOne((_, outcome) => Promise.resolve(void told.push(outcome)));
  const [outcome] = told;
  if (outcome.status === "failed") throw new train.TrainingFailed(outcome.error);
  return outcome.result;
}

/**
 * Trains and scores runs on a device, one alone or several in one program, each from its spec alone: model and data are
 * those of the inputs, and are checked against the hashes in the spec.
 */
export class Trainer {
  #prepared: Prepared | undefined;

  constructor(readonly device: Device, readonly inputs: Inputs, readonly options: TrainerOptions = {}) {}

  /** What a run is made of. Throws an Error where it is not what its spec says. */
  async #partsOf(spec: RunSpec): Promise<RunnableParts> {
    await loadMethodOf(spec);
    await loadModelOf(spec);
    const model = await this.inputs.model(spec.model.weights);
    const encoded = await this.inputs.encodedRun(spec);
    for (
      const [what, here, there] of [
        ["model", model.reference.hash, spec.model.hash],
        ["data", encoded.task.hash, spec.data.hash],
      ]
    ) {
      if (here === there) continue;
      const name = what === "model" ? spec.model.name : spec.task;
      throw new Error(
        `cannot run ${spec.task} ${spec.method.name} as the ${what} of ${name} changed: its hash is ` +
          `${here.slice(0, 12)}… now, and ${there.slice(0, 12)}… in the spec`,
      );
    }
    const beginning = spec.adapter && await this.inputs.beginningOf(spec, encoded);
    if (beginning && beginning.hash !== spec.adapter!.hash) {
      throw new Error(`cannot run ${spec.task} ${spec.method.name} as the adapter that it begins from changed`);
    }
    return { model, task: encoded.task, encoded, beginning };
  }

  /** Compiles what a run needs, once for all that share its program; what was compiled before is given back. */
  #prepare(programs: readonly Program<RunSpec>[], encoded: AnyRunTask, parts: ProgramParts): Prepared {
    const [program] = programs;
    const decay = sharedDecay(programs);
    const key = `${signatureOf(program.spec, encoded)} ${ruleKey(program)} ${decay}`;
    if (this.#prepared?.key !== key) {
      this.close();
      this.#prepared = new Prepared(key, program, decay, parts);
    }
    return this.#prepared;
  }

  /** Seconds that parts of a run take, measured on a few of its steps; where it starts from does not matter. */
  async pace(spec: RunSpec): Promise<Pace> {
    const { encoded: task, ...parts } = await this.#partsOf(spec);
    const program = programOf(spec);
    const prepared = this.#prepare([program], task, parts);
    const data = cellData([program], prepared.decay);
    const { step, logits } = prepared.of(1);
    const batches = new StepBatches(task, { ...spec, seed: 0 }).at(0);
    const batch = batches.map(toStepBatch);
    const [first = task.train] = Object.values<AnyEncoded>(task.sets);
    const { scoreBatchSize } = spec;
    const [evalBatch] = scoredBatches(partOf(first, 0, scoreBatchSize ?? SCORE_BATCH_SIZE), spec);
    let state = runFunctions(program.spec, parts, data).begin(spec.seed);
    const timed = async (times: number, call: () => Promise<unknown>) => {
      const began = performance.now();
      for (let i = 0; i < times; i++) await call();
      await this.device.done();
      return (performance.now() - began) / 1000 / times;
    };
    const advance = async (kind?: train.StepKind) => [state] = await step(state, batch, data, kind);
    const score = async () => {
      const { base, trainable, aux } = state;
      return await (await logits({ base, trainable, aux }, toStepBatch(evalBatch), data)).data();
    };
    try {
      let perStep = 0;
      for (const [kind, share] of kindShares(prepared.kindAt, spec.steps)) {
        await timed(1, () => advance(kind));
        perStep += share * await timed(3, () => advance(kind));
      }
      await score();
      const perBatch = await timed(1, score);
      return {
        step: { seconds: perStep, length: lengthOf(batches[0]) },
        score: { seconds: perBatch, length: lengthOf(evalBatch) },
      };
    } finally {
      prepared.states.release(state);
    }
  }

  /** Seconds that a run will take, measured on a few of its steps. */
  async estimate(spec: RunSpec): Promise<number> {
    const { step, score } = await this.pace(spec);
    const task = await this.inputs.encodedRun(spec);
    return spec.steps * step.seconds + scoredSteps(spec).length * scoredCount(task, spec) * score.seconds;
  }

  /**
   * Trains runs of a grid together and scores them. With `saveEvery` the state of each lies in `states/` of the folder of
   * records on its way, and it goes on from one that is there; one that cannot be read is told of, and its run begins anew.
   */
  async runGroup(specs: readonly RunSpec[], { onProgress, onOutcome, signal }: GroupHooks): Promise<void> {
    const { out, saveEvery } = this.options;
    const statesOf = async (spec: RunSpec): Promise<StateOptions | undefined> => {
      if (out === undefined || saveEvery === undefined) return undefined;
      const folder = statesFolder(out, await hashSpec(spec));
      return {
        folder,
        every: saveEvery,
        isResumed: await hasState(folder),
        onDamage: ({ message }) => tell(`${message}: the run begins anew`),
      };
    };
    const runs = await Promise.all(specs.map(async (spec, cell): Promise<TrainedRun> => ({
      spec,
      hooks: {
        states: await statesOf(spec),
        onStep: ({ step, loss }) => onProgress(cell, { step: step + 1, steps: spec.steps, loss }),
      },
    })));
    await this.trainTogether(runs, { onOutcome, signal });
  }

  /** Trains one run of a grid alone and scores it, as {@linkcode Trainer.runGroup} does several. */
  readonly run: RunFunction = (spec, { onProgress, signal }) =>
    resultOf((onOutcome) => this.runGroup([spec], { onProgress: (_, told) => onProgress(told), onOutcome, signal }));

  /** Trains a run and scores it on the dev split: its last state, or of those on the way the best. */
  train(spec: RunSpec, hooks: TrainHooks = {}): Promise<RunResult> {
    const { signal } = hooks;
    return resultOf((onOutcome) => this.trainTogether([{ spec, hooks }], { onOutcome, signal }));
  }

  /**
   * Trains and scores runs of one program together. A run that fails is an outcome, which its neighbours do not notice; runs
   * that go on from other steps than others follow them.
   */
  async trainTogether(
    runs: readonly TrainedRun[],
    { onOutcome, signal }: {
      readonly onOutcome: (cell: number, outcome: RunOutcome) => Promise<void>;
      readonly signal?: AbortSignal;
    },
  ): Promise<void> {
    const began = performance.now();
    const parts: RunnableParts[] = [];
    for (const { spec } of runs) parts.push(await this.#partsOf(spec));
    const [{ encoded, ...first }] = parts;
    const programs = programsOf(runs.map(({ spec }) => spec));
    const prepared = this.#prepare(programs, encoded, first);
    const places = new Map<Cell, number>();
    const states = new Map<Cell, train.TrainState>();
    try {
      for (const [place, { spec, hooks }] of runs.entries()) {
        const cell = await this.#cellOf({ spec, hooks }, parts[place], {
          decay: prepared.decay,
          program: programs[place],
        });
        try {
          states.set(cell, await cell.begin());
          places.set(cell, place);
        } catch (error) {
          // Where the run that it starts from failed, it fails, too.
          if (!(error instanceof train.TrainingFailed)) throw error;
          await onOutcome(place, { status: "failed", error: error.message });
        }
      }
      for (const cells of Map.groupBy(places.keys(), ({ done }) => done).values()) {
        const own = cells.map((cell) => states.get(cell)!);
        for (const cell of cells) states.delete(cell);
        const group = new CellGroup(cells, prepared, signal);
        try {
          await group.train(own);
          await group.each(async (cell, state) => {
            await onOutcome(places.get(cell)!, await this.#outcomeOf(cell, state, { group, began }));
          });
        } finally {
          group.close();
        }
      }
    } finally {
      for (const state of states.values()) prepared.states.release(state);
    }
  }

  async #cellOf(
    { spec, hooks }: TrainedRun,
    { encoded: task, ...parts }: RunnableParts,
    { decay, program }: Pick<CellParts, "decay" | "program">,
  ): Promise<Cell> {
    const isKept = this.options.kept?.has(await hashSpec(spec)) ?? false;
    const place = { out: this.options.out, isKept, sources: this.inputs.sources };
    return new Cell(spec, hooks, { ...parts, task, place, program, decay });
  }

  async #outcomeOf(
    cell: Cell,
    state: train.TrainState,
    { group, began }: { readonly group: CellGroup; readonly began: number },
  ): Promise<RunOutcome> {
    const { failure, hooks, method, scores } = cell;
    if (failure) return { status: "failed", error: failure.message };
    await cell.saveOutcome();
    if (cell.place.out !== undefined && scores && isTextRun(cell.task)) {
      await savePredictions(cell.place.out, await hashSpec(cell.spec), scores);
    }
    await hooks.onEnd?.({ method, state, scores: scores! });
    return { status: "finished", result: await this.#resultOf(cell, state, { group, began }) };
  }

  async #resultOf(
    cell: Cell,
    state: train.TrainState,
    { group: { runs: { length: cells }, step }, began }: { readonly group: CellGroup; readonly began: number },
  ): Promise<RunResult> {
    const { spec, method, best, curve } = cell;
    const { trainableParameters, totalParameters } = method.describe(state);
    const used = step.plans().flatMap(({ dispatches }) => dispatches.map(({ kernel }) => kernel));
    const kernels = new Set(used.filter((kernel) => kernel.startsWith("matmul")));
    const trained = curve.at(-1)!.elapsedSeconds;
    return {
      metrics: best!.metrics,
      bestStep: spec.checkpoint === "best" ? best!.step : undefined,
      curve,
      wallSeconds: (performance.now() - began) / 1000,
      stepsPerSecond: cells * spec.steps / trained,
      parallel: this.options.parallel ?? 1,
      cells,
      peakBytes: Math.max(0, ...step.memory().map(({ peakBytes }) => peakBytes)),
      trainableParameters,
      totalParameters,
      writes: await method.writeCount?.(state).item() ?? 0,
      changes: spec.changeOf === undefined ? undefined : await changesOf(spec.changeOf, cell, state),
      device: `${this.device.report.name} (${this.device.report.source})`,
      kernels: [...kernels].sort().join(" "),
      products: productChoices(),
      versions: versions(),
    };
  }

  /** Gives back what was compiled. */
  close(): void {
    this.#prepared?.close();
    this.#prepared = undefined;
  }
}
