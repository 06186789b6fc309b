import type { StepMetrics } from "./make_step.ts";

/** Why a training cannot go on, such as a loss that is no number any more. Other runs are not touched by it. */
export class TrainingFailed extends Error {
  /** The name of the error's class. */
  override readonly name = "TrainingFailed";
}

/** What a step told, as numbers. */
export interface StepLog {
  /** Number of the step, from 0. */
  readonly step: number;
  /** Mean loss of the batch, before the step. */
  readonly loss: number;
  /** Norm of all gradients before clipping. */
  readonly gradNorm: number;
  /** Learning rate of the step; 0 where the optimizer has none. */
  readonly learningRate: number;
  /** Seconds since the first step was asked for. */
  readonly elapsedSeconds: number;
}

/** Options of {@linkcode runSteps}. */
export interface RunStepsOptions<State> {
  /** Steps of the whole run, those before `start` included. */
  readonly steps: number;
  /** Number of the first step, 0 by default: the steps that are done, for a run that goes on. */
  readonly start?: number;
  /** Hears of every step, one step late so that the device never waits. */
  readonly onStep?: (log: StepLog) => void;
  /** Hears of every state, and is waited for; the state must not be kept, as the next step takes it over. */
  readonly onState?: (step: number, state: State) => void | Promise<void>;
  /** Ends the run before its next step: it rejects with the signal's reason, once the last step was heard of. */
  readonly signal?: AbortSignal;
  /** Seconds on some clock; `performance.now()` by default. */
  readonly clock?: () => number;
}

/**
 * Runs steps one after the other on a state, with batches by number, and gives the last state and a log of each step.
 * While the device works on a step, the next batch is made, and the next step is encoded and handed over: batches are
 * asked for once each, in their order, one step ahead.
 *
 * Rejects with {@linkcode TrainingFailed} where a loss or a norm of gradients is no finite number: a loss alone may
 * hide what a bounded function in front of it made finite again.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const loss = ({ W }: dd.Params, x: dd.Tensor) => dd.nn.meanSquaredError(dd.nn.linear(x, W), dd.ones([2]));
 * const options = { method: dd.peft.full(), optimizer: dd.optim.sgd({ learningRate: 0.5 }) };
 * const step = dd.jit(dd.train.makeStep({ loss, ...options }), { donate: [0] });
 * const state = dd.train.init(dd.random.key(0), { W: dd.zeros([1, 2]) }, options);
 * const batchAt = () => dd.tensor([[1, 0], [0, 1]]);
 * const { logs } = await dd.train.runSteps(step, state, batchAt, { steps: 3 });
 * console.log(logs.map((log) => log.loss)); // [1, 0.25, 0.0625]
 * ```
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
