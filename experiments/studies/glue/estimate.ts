import type { Device } from "../../../mod.ts";
import { GLUE_TASKS, glueTask } from "../../../lib/data/mod.ts";
import { canonicalJson, type RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { measureProduct, productSize } from "../../runner/measure.ts";
import { SCORE_BATCH_SIZE, scoredBatches, scoredCount } from "../../runner/train/score.ts";
import { StepBatches } from "../../runner/train/step_batches.ts";
import type { Inputs } from "../../runner/data/inputs.ts";
import type { TuningTask } from "../../runner/data/read_task.ts";
import { type Work, WorkByLength } from "../../runner/train/step_work.ts";
import { scoredSteps } from "../../runner/train/cell.ts";
import { type Pace, Trainer } from "../../runner/train/trainer.ts";
import { GLUE_SIZES } from "./glue_sizes.ts";

/** What a run will take. */
export interface RunEstimate {
  /** Floating-point operations in products and factorizations. */
  readonly operations: number;
  readonly seconds: number;
}

/** Estimates of runs, and what they rest on. */
export interface Estimates {
  readonly runs: ReadonlyMap<RunSpec, RunEstimate>;
  /** How seconds were found, in words. */
  readonly basis: string;
}

/** Batches that lengths are looked at in. */
const SAMPLE = 32;

/** Lengths of batches of a run, and how many of them score it once. */
interface Lengths {
  readonly train: readonly number[];
  readonly dev: readonly number[];
  readonly scored: number;
}

async function lengthsOf(spec: RunSpec, inputs: Inputs, task: TuningTask | undefined): Promise<Lengths> {
  const { padding, model: { length } } = spec;
  if (!inputs.hasDataOf(spec) || !(await inputs.model()).tokenizer) {
    const { tokens, dev } = task ? { tokens: length, dev: task.sets.dev.length } : GLUE_SIZES[glueTask(spec.task).name];
    const mean = Math.min(tokens, length);
    return { train: [mean], dev: [mean], scored: Math.ceil(dev / SCORE_BATCH_SIZE) };
  }
  const one = await inputs.encoded(spec);
  const batches = new StepBatches(one, { ...spec, seed: 0 });
  const [set] = Object.values(one.sets);
  const dev = scoredBatches({ ...set, examples: set.examples.slice(0, 8 * SCORE_BATCH_SIZE) }, spec);
  const count = padding === undefined ? 1 : SAMPLE;
  return {
    train: Array.from({ length: count }, (_, i) => batches.at(i)[0].shape[1]),
    dev: dev.map(({ shape }) => shape[1]),
    scored: scoredCount(one, spec),
  };
}

/** Numbers added up in their order. */
export function totalOf(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

function meanOf(values: readonly number[]): number {
  return totalOf(values) / values.length;
}

/** Work of a run's mean step and of a mean scored batch. */
function meanWork({ train, dev }: Lengths, workAt: (length: number) => Work): Work {
  return {
    step: meanOf(train.map((length) => workAt(length).step)),
    score: meanOf(dev.map((length) => workAt(length).score)),
  };
}

/** Runs that differ in nothing but their seeds, and so take as much. */
export function groupsOf(specs: Iterable<RunSpec>): RunSpec[][] {
  const keyOf = ({ seed: _, start, ...rest }: RunSpec) => canonicalJson({ ...rest, start: start?.task ?? null });
  return [...Map.groupBy(specs, keyOf).values()];
}

/**
 * Counts the work of runs from their plans and says how long they will take: each method is measured on a few steps of its
 * first task and scaled by work; where model or data are not at hand, it is the work at the speed of a large product, and
 * runs will take longer than that.
 */
export async function estimateRuns(
  specs: readonly RunSpec[],
  { device, inputs }: { readonly device: Device; readonly inputs: Inputs },
): Promise<Estimates> {
  const model = await inputs.model();
  const work = new WorkByLength(model);
  const isAtHand = specs.every((spec) => inputs.hasDataOf(spec)) && model.weights !== undefined;
  const trainer = isAtHand ? new Trainer(device, inputs) : undefined;
  const speed = trainer ? NaN : 1e9 * await measureProduct(device, productSize(device));
  const rates = new Map<string, Work>();
  const runs = new Map<RunSpec, RunEstimate>();
  const rateOf = ({ step, score }: Pace, workAt: (length: number) => Work): Work => ({
    step: step.seconds / workAt(step.length).step,
    score: score.seconds / workAt(score.length).score,
  });
  for (const group of groupsOf(specs)) {
    const [spec] = group;
    const { name } = spec.method;
    const task = Object.hasOwn(GLUE_TASKS, spec.task) ? undefined : await inputs.task(spec);
    const workAt = (length: number) => work.at(length, spec, task);
    if (!rates.has(name)) {
      rates.set(name, trainer ? rateOf(await trainer.pace(spec), workAt) : { step: 1 / speed, score: 1 / speed });
    }
    const lengths = await lengthsOf(spec, inputs, task);
    const own = meanWork(lengths, workAt);
    const steps = spec.steps * own.step;
    const scores = scoredSteps(spec).length * lengths.scored * own.score;
    const rate = rates.get(name)!;
    const seconds = steps * rate.step + scores * rate.score;
    for (const run of group) runs.set(run, { operations: steps + scores, seconds });
  }
  trainer?.close();
  const basis = trainer
    ? "measured on a few steps of each method, and scaled by work"
    : `no less than the work takes at ${(speed / 1e9).toPrecision(3)} GFLOP/s, as measured on a large product`;
  return { runs, basis };
}

/**
 * Seconds of runs whose batches have one length: each method on its layers is measured on one task for each size of batch, and
 * scaled by length alone.
 */
export async function estimateSeconds(specs: readonly RunSpec[], trainer: Trainer): Promise<Map<RunSpec, number>> {
  const measured = new Map<string, number>();
  const seconds = new Map<RunSpec, number>();
  for (const spec of specs) {
    const { method: { name, targets }, model, batchSize } = spec;
    const key = JSON.stringify([name, targets, batchSize]);
    if (!measured.has(key)) measured.set(key, await trainer.estimate(spec) / model.length / spec.steps);
    seconds.set(spec, measured.get(key)! * model.length * spec.steps);
  }
  return seconds;
}
