import { type Tensor, train } from "../../../mod.ts";
import type { Device } from "../../../lib/device/mod.ts";
import { type GlueTaskName, trainBatches } from "../../../lib/data/mod.ts";
import { productChoices } from "../../../lib/compile/inspect_mod.ts";
import { treeDispose } from "../../../lib/tensor/mod.ts";
import { hashSpec, type RunFunction, type RunResult, type RunSpec } from "../../../lib/experiment/mod.ts";
import { versions } from "../versions.ts";
import { EVAL_BATCH_SIZE, evaluate, scoredBatches, scoredCount } from "./evaluate.ts";
import type { Inputs, RunTask } from "../data/inputs.ts";
import { copyOutcome, loadOutcome, saveOutcome, startFrom } from "./outcome.ts";
import { prepare, type Prepared, preparedKey } from "./prepare.ts";

/** Options of {@linkcode Trainer}. */
export interface TrainerOptions {
  /** The folder of records: outcomes that runs start from lie in it. */
  readonly out?: string;
  /** Hashes of the specs whose outcomes are kept there. */
  readonly kept?: ReadonlySet<string>;
  /** How many runs are under way at once, for the record: 1 by default. */
  readonly parallel?: number;
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

/** The state that is scored so far. */
interface Scored {
  readonly step: number;
  readonly metrics: Record<string, number>;
  readonly outcome?: Readonly<Record<string, Tensor>>;
}

/** Numbers of steps at whose end a run is scored. */
export function scoredSteps({ steps, evaluateEvery = steps }: Pick<RunSpec, "steps" | "evaluateEvery">): number[] {
  return Array.from({ length: Math.ceil(steps / evaluateEvery) }, (_, i) => Math.min((i + 1) * evaluateEvery, steps));
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
    const model = await this.inputs.model();
    const task = await this.inputs.task(spec.task as GlueTaskName, {
      length: spec.model.length,
      padding: spec.padding,
    });
    for (
      const [what, here, there] of [
        ["model", model.reference.hash, spec.model.hash],
        ["data", task.data.hash, spec.data.hash],
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
      this.#prepared = prepare(spec, model, task.data.task);
    }
    return { prepared: this.#prepared!, task };
  }

  async #begin({ start, seed }: RunSpec, prepared: Prepared): Promise<train.TrainState> {
    const fresh = prepared.begin(seed);
    if (!start) return fresh;
    const { out } = this.options;
    if (out === undefined) {
      throw new Error(`internal: a run starts from ${start.run}, and there is no folder of records`);
    }
    return startFrom(fresh, await loadOutcome(out, start), prepared);
  }

  /** Seconds that parts of a run take, measured on a few of its steps; where it starts from does not matter. */
  async pace(spec: RunSpec): Promise<Pace> {
    const { prepared: { step, logits, begin }, task: { encoded } } = await this.#prepare(spec);
    const batches = trainBatches(encoded, { batchSize: spec.batchSize, seed: 0, padding: spec.padding });
    const batch = train.toBatch(batches.at(0));
    const evalBatch = scoredBatches({ ...encoded, dev: encoded.dev.slice(0, EVAL_BATCH_SIZE) }, spec)[0];
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
        step: { seconds: perStep, length: batch.inputIds.shape[1] },
        score: { seconds: perBatch, length: evalBatch.shape[1] },
      };
    } finally {
      await this.#release(state);
    }
  }

  /** Seconds that a run will take, measured on a few of its steps. */
  async estimate(spec: RunSpec): Promise<number> {
    const { step, score } = await this.pace(spec);
    const { task } = await this.#prepare(spec);
    return spec.steps * step.seconds + scoredSteps(spec).length * scoredCount(task) * score.seconds;
  }

  /** Trains one run and scores it on the dev split: its last state, or of those on the way the best. */
  readonly run: RunFunction = async (spec, { onProgress, signal }): Promise<RunResult> => {
    const began = performance.now();
    const { prepared, task } = await this.#prepare(spec);
    const { step, logits, method } = prepared;
    const hash = await hashSpec(spec);
    const isKept = this.options.kept?.has(hash) ?? false;
    const { padding, batchSize, seed } = spec;
    const batches = trainBatches(task.encoded, { batchSize, seed, padding });
    let state = await this.#begin(spec, prepared);
    let trained = 0; // seconds
    const curve: train.StepLog[] = [];
    let best: Scored | undefined;
    try {
      await step.compile(state, train.toBatch(batches.at(0)));
      for (const end of scoredSteps(spec)) {
        const { logs } = await train.runSteps(step, state, (index) => train.toBatch(batches.at(index)), {
          start: curve.length,
          steps: end,
          signal,
          onStep: ({ step: done, loss }) => onProgress({ step: done + 1, steps: spec.steps, loss }),
          onState: (_, next) => {
            state = next;
          },
        });
        curve.push(...logs.map((log) => ({ ...log, elapsedSeconds: trained + log.elapsedSeconds })));
        trained = curve[curve.length - 1].elapsedSeconds;
        const metrics = await evaluate((batch) => logits(state, batch), task, spec);
        const [before, now] = [best?.metrics[spec.metric], metrics[spec.metric]];
        if (before === undefined || Number.isNaN(before) || now > before) {
          best = { step: end, metrics, outcome: isKept ? await copyOutcome(state, method) : undefined };
        }
      }
      const { outcome } = best!;
      if (outcome) await saveOutcome(this.options.out!, hash, outcome);
      const { trainableParameters, totalParameters } = method.describe(state);
      const kernels = new Set(Array.from(step.explain().matchAll(/^ *\d+ {2}(matmul\S+)/gm), ([, name]) => name));
      return {
        metrics: best!.metrics,
        bestStep: spec.checkpoint === "best" ? best!.step : undefined,
        curve,
        wallSeconds: (performance.now() - began) / 1000,
        stepsPerSecond: spec.steps / trained,
        parallel: this.options.parallel ?? 1,
        peakBytes: Math.max(...step.memory().map(({ peakBytes }) => peakBytes)),
        trainableParameters,
        totalParameters,
        writes: await method.writeCount?.(state).item() ?? 0,
        adapter: `${this.device.report.name} (${this.device.report.source})`,
        kernels: [...kernels].sort().join(" "),
        products: productChoices(),
        versions: versions(),
      };
    } finally {
      await this.#release(state);
    }
  };

  /** Gives back a state, but for the model's weights, which all runs share. */
  async #release({ base, ...own }: train.TrainState): Promise<void> {
    const { weights = {} } = await this.inputs.model();
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
