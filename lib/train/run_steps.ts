import { driveSteps } from "./drive_steps.ts";
import type { StepMetrics } from "./make_step.ts";
import type { StepKind } from "./step_kind.ts";
import { failureOf, type StepLog } from "./step_log.ts";

/** Options of {@linkcode runSteps}. */
export interface RunStepsOptions<State> {
  /** Steps of the whole run, those before `start` included. */
  readonly steps: number;
  /** Number of the first step, 0 by default: the steps that are done, for a run that goes on. */
  readonly start?: number;
  /** The kind of each step by its number, as `stepKinds` gives it, where they are not all alike. */
  readonly kindAt?: (index: number) => StepKind | undefined;
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
  step: (state: State, batch: Batch, kind?: StepKind) => Promise<[State, StepMetrics]>,
  initial: State,
  batchAt: (index: number) => Batch | Promise<Batch>,
  options: RunStepsOptions<State>,
): Promise<{ state: State; logs: StepLog[] }> {
  const logs: StepLog[] = [];
  const onLogs = ([log]: readonly StepLog[]) => {
    const failure = failureOf(log);
    if (failure) throw failure;
    logs.push(log);
    options.onStep?.(log);
  };
  return { state: await driveSteps(step, initial, batchAt, { ...options, onLogs }), logs };
}
