import type { StepMetrics } from "./make_step.ts";
import type { RunStepsOptions } from "./run_steps.ts";
import type { StepKind } from "./step_kind.ts";
import type { StepLog } from "./step_log.ts";

/** Options of {@linkcode driveSteps}. */
export interface DriveStepsOptions<State> extends Omit<RunStepsOptions<State>, "onStep"> {
  /** Hears of every step what it told of each run, one step late; what it throws ends the loop. */
  readonly onLogs: (logs: readonly StepLog[]) => void;
}

/**
 * The loop of {@linkcode runSteps} for the steps of one run, or of many in one program, whose metrics have an axis of
 * cells: all of them take as many steps.
 */
export async function driveSteps<State, Batch>(
  step: (state: State, batch: Batch, kind?: StepKind) => Promise<[State, StepMetrics]>,
  initial: State,
  batchAt: (index: number) => Batch | Promise<Batch>,
  options: DriveStepsOptions<State>,
): Promise<State> {
  const { steps, start = 0, kindAt, onLogs, onState, signal, clock = () => performance.now() / 1000 } = options;
  const began = clock();
  const read = async (index: number, metrics: StepMetrics) => {
    const [loss, gradNorm, learningRate] = [
      await metrics.loss.data(),
      await metrics.gradNorm.data(),
      await metrics.learningRate.data(),
    ];
    const elapsedSeconds = clock() - began;
    onLogs(Array.from(loss, (_, cell) => ({
      step: index,
      loss: loss[cell],
      gradNorm: gradNorm[cell],
      learningRate: learningRate[cell],
      elapsedSeconds,
    })));
  };
  const prepare = async (index: number) => await batchAt(index);
  // No argument where all steps are alike: a step of two arguments has one plan, whoever calls it.
  const kind = (index: number) => [kindAt?.(index) ?? []].flat();
  let batch: Promise<Batch> | undefined;
  let state = initial;
  let last: { readonly index: number; readonly metrics: StepMetrics } | undefined;
  let index = start;
  for (; index < steps && !signal?.aborted; index++) {
    const [next, metrics] = await step(state, await (batch ?? prepare(index)), ...kind(index));
    state = next;
    batch = index + 1 < steps ? prepare(index + 1) : undefined;
    batch?.catch(() => {}); // heard of by the next step
    await onState?.(index, state);
    if (last) await read(last.index, last.metrics);
    last = { index, metrics };
  }
  if (last) await read(last.index, last.metrics);
  if (index < steps) signal?.throwIfAborted();
  return state;
}
