import { train, type Tree } from "../../../mod.ts";
import { loadState, type PretrainingIdentity, type PretrainingProgress, saveState } from "./saved_progress.ts";

/** Steps whose mean loss is told in the end. */
const LAST = 100;

/** How a pre-training goes on, and who hears of it. */
export interface ResumeOptions {
  /** The file of its state, from which it goes on where it is there; it stays there in the end. */
  readonly statePath: string;
  /** Steps between states that are saved; when the signal ends the work, one is saved, too. */
  readonly saveEvery: number;
  readonly signal?: AbortSignal;
  /** Hears how many steps are done before the first that is taken. */
  readonly onBegin?: (done: number) => void;
  /** Hears of every step, one step late so that the device never waits. */
  readonly onStep?: (log: train.StepLog) => void;
}

/** A pre-training: its first state, and the steps that lead to the last one. */
export interface Pretraining<State, Batch> extends PretrainingIdentity {
  readonly initial: State;
  readonly step: ((state: State, batch: Batch) => Promise<[State, train.StepMetrics]>) & { dispose(): void };
  /** The batch of a step: a function of its number. */
  readonly batchAt: (index: number) => Batch | Promise<Batch>;
  readonly steps: number;
}

/**
 * Takes all steps of a pre-training, and gives its last state with the mean loss of the last steps. Killed at any time, it
 * goes on from the last state that was saved, to the same bits.
 *
 * Throws the signal's reason where that ends it, and an Error where its file is damaged or of another pre-training.
 */
export async function trainResumably<Trainable extends Tree, Aux extends Tree, OptimizerState extends Tree, Batch>(
  pretraining: Pretraining<train.TrainState<Trainable, Aux, OptimizerState>, Batch>,
  { statePath, saveEvery, signal, onBegin, onStep }: ResumeOptions,
): Promise<{ readonly state: train.TrainState<Trainable, Aux, OptimizerState>; readonly finalLoss: number }> {
  const { initial, step, batchAt, steps } = pretraining;
  const found: PretrainingProgress<typeof initial> | undefined = await loadState(statePath, initial, pretraining);
  let state = found?.state ?? initial;
  const losses = [...found?.losses ?? []];
  const save = () => saveState(statePath, { state, losses }, pretraining);
  onBegin?.(losses.length);
  while (losses.length < steps) {
    const stop = Math.min(steps, (Math.floor(losses.length / saveEvery) + 1) * saveEvery);
    try {
      await train.runSteps(step, state, batchAt, {
        start: losses.length,
        steps: stop,
        signal,
        onStep(log) {
          losses.push(log.loss);
          onStep?.(log);
        },
        onState: (_, next) => void (state = next),
      });
    } catch (error) {
      if (signal?.aborted && error === signal.reason) await save();
      throw error;
    }
    await save();
  }
  step.dispose();
  const last = losses.slice(-LAST);
  return { state, finalLoss: last.reduce((a, b) => a + b, 0) / last.length };
}
