import type { Device } from "../../../mod.ts";
import { GLUE_TASKS, glueTask } from "../../../lib/data/mod.ts";
import { canonicalJson, type RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { measureProduct, productSize } from "../../runner/measure.ts";
import { SCORE_BATCH_SIZE, scoredBatches, scoredCount } from "../../runner/train/score.ts";
import { StepBatches } from "../../runner/train/step_batches.ts";
import { type AnyRunTask, type Inputs, isTextRun } from "../../runner/data/inputs.ts";
import { type AnyEncoded, lengthOf, partOf } from "../../runner/train/host_batches.ts";
import { isTextKind } from "../../runner/data/text_names.ts";
import type { TuningTask } from "../../runner/data/read_task.ts";
import { TEXT_SIZES } from "../text_sizes.ts";
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
  /** Tokens of texts that are written, each beam's counted, and of what they are about; 0 where none is. */
  readonly written: number;
}

/** Tokens that writing texts takes through the model: sources once, texts once for each beam. */
function writtenTokens(
  { decoding }: RunSpec,
  { sources, source, text }: { readonly sources: number; readonly source: number; readonly text: number },
): number {
  if (!decoding) return 0;
  const { beams, maxNewTokens, sources: most = sources } = decoding;
  return Math.min(sources, most) * (source + beams * Math.min(text, maxNewTokens));
}

/** What a run of texts writes, in tokens; 0 where it has labels. */
function writtenBy(spec: RunSpec, task: AnyRunTask): number {
  if (!isTextRun(task) || !task.written) return 0;
  const { prompts } = task.written;
  const source = meanOf(prompts.map(({ length }) => length));
  const asked = "lengths" in task.train
    ? task.train.examples.map(({ target }) => target.length)
    : task.train.examples.map(({ labels }) => labels.filter((label) => label >= 0).length);
  return writtenTokens(spec, { sources: prompts.length, source, text: meanOf(asked) });
}

/** Lengths of a run whose files are not at hand, as they are known to be. */
function knownLengths(spec: RunSpec, task: TuningTask | undefined): Lengths {
  const { task: name, model: { length } } = spec;
  const text = isTextKind(spec.kind) ? TEXT_SIZES[name] : undefined;
  const { tokens, dev } = text ??
    (task ? { tokens: length, dev: task.sets.dev.length } : GLUE_SIZES[glueTask(name).name]);
  const mean = Math.min(tokens, length);
  const written = text ? writtenTokens(spec, text) : 0;
  return { train: [mean], dev: [mean], scored: Math.ceil(dev / SCORE_BATCH_SIZE), written };
}

async function lengthsOf(spec: RunSpec, inputs: Inputs, task: TuningTask | undefined): Promise<Lengths> {
  const { padding } = spec;
  if (!inputs.hasDataOf(spec) || !(await inputs.model()).tokenizer) {
    return knownLengths(spec, task);
  }
  const one = await inputs.encodedRun(spec);
  const batches = new StepBatches(one, { ...spec, seed: 0 });
  const [set = one.train] = Object.values<AnyEncoded>(one.sets);
  const dev = scoredBatches(partOf(set, 0, 8 * SCORE_BATCH_SIZE), spec);
  const count = padding === undefined ? 1 : SAMPLE;
  return {
    train: Array.from({ length: count }, (_, i) => lengthOf(batches.at(i)[0])),
    dev: dev.map(lengthOf),
    scored: scoredCount(one, spec),
    written: writtenBy(spec, one),
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
    const isKnown = Object.hasOwn(GLUE_TASKS, spec.task) || isTextKind(spec.kind);
    const task = isKnown ? undefined : await inputs.task(spec);
    const workAt = (length: number) => work.at(length, spec, task);
    if (!rates.has(name)) {
      rates.set(name, trainer ? rateOf(await trainer.pace(spec), workAt) : { step: 1 / speed, score: 1 / speed });
    }
    const lengths = await lengthsOf(spec, inputs, task);
    const own = meanWork(lengths, workAt);
    const steps = spec.steps * own.step;
    const perToken = own.score / (SCORE_BATCH_SIZE * meanOf(lengths.dev));
    const scores = scoredSteps(spec).length * (lengths.scored * own.score + lengths.written * perToken);
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
