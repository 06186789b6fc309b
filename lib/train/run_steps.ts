import type { StepMetrics } from "./make_step.ts";

/** A training that cannot go on, such as one whose loss is no number any more; others are not touched by it. */
export class TrainingFailed extends Error {
  override readonly name = "TrainingFailed";
}

/** What a step told, as numbers. */
export interface StepLog {
  /** Number of the step, from 0. */
  readonly step: number;
  readonly loss: number;
  readonly gradNorm: number;
  readonly learningRate: number;
  /** Seconds since the first step was asked for. */
  readonly elapsedSeconds: number;
}

/** Options of {@linkcode runSteps}. */
export interface RunStepsOptions<State> {
  /** Steps to run. */
  readonly steps: number;
  /** Number of the first one, 0 by default: for runs that go on. */
  readonly start?: number;
  /** Hears of every step, one step late so that the device never waits. */
  readonly onStep?: (log: StepLog) => void;
  /** Hears of every state; it must not be kept, as the next step takes it over. */
  readonly onState?: (step: number, state: State) => void | Promise<void>;
  /** Ends the run before its next step: rejects with the signal's reason, once the last one was heard of. */
  readonly signal?: AbortSignal;
  /** Seconds on some clock; `performance.now()` by default. */
  readonly clock?: () => number;
}

/**
 * Runs steps one after the other on a state, with batches by number. While the device works on a step, the next batch is
 * made, and the next step is encoded and handed over: batches are asked for once each, in their order, one step ahead.
 *
 * Rejects with {@linkcode TrainingFailed} when a loss or a norm of gradients is no finite number: a loss alone may hide
 * what a bounded function in front of it made finite again.
 */
export async function runSteps<State, Batch>(
  step: (state: State, batch: Batch) => Promise<[State, StepMetrics]>,
  initial: State,
  batchAt: (index: number) => Batch | Promise<Batch>,
  options: RunStepsOptions<State>,
): Promise<{ state: State; logs: StepLog[] }> {
  const { steps, start = 0, onStep, onState, signal, clock = () => performance.now() / 1000 } = options;
  const began = clock();
  const logs: StepLog[] = [];
  const read = async (index: number, { loss, gradNorm, learningRate }: StepMetrics) => {
    const log = {
      step: index,
      loss: await loss.item(),
      gradNorm: await gradNorm.item(),
      learningRate: await learningRate.item(),
      elapsedSeconds: clock() - began,
    };
    for (const [name, value] of [["loss", log.loss], ["norm of the gradients", log.gradNorm]] as const) {
      if (Number.isFinite(value)) continue;
      throw new TrainingFailed(`the ${name} is ${value} at step ${index}: a lower learning rate or clipping may help`);
    }
    logs.push(log);
    onStep?.(log);
  };
  const prepare = async (index: number) => await batchAt(index);
  let batch: Promise<Batch> | undefined;
  let state = initial;
  let last: { readonly index: number; readonly metrics: StepMetrics } | undefined;
  let index = start;
  for (; index < steps && !signal?.aborted; index++) {
    const [next, metrics] = await step(state, await (batch ?? prepare(index)));
    state = next;
    batch = index + 1 < steps ? prepare(index + 1) : undefined;
    batch?.catch(() => {}); // heard of by the next step
    await onState?.(index, state);
    if (last) await read(last.index, last.metrics);
    last = { index, metrics };
  }
  if (last) await read(last.index, last.metrics);
  if (index < steps) signal?.throwIfAborted();
  return { state, logs };
}
