import type { peft, train } from "../../../mod.ts";
import type { AnyRunTask } from "../data/inputs.ts";
import type { Score } from "./score.ts";
import type { StepLine } from "./step_batches.ts";

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
  readonly task: AnyRunTask;
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
  /** Hears how many texts are written of those that the run is scored by. */
  readonly onTexts?: (done: number, all: number) => void;
  /** Gets the last state, which is given back afterwards. */
  readonly onEnd?: (run: Ended) => void | Promise<void>;
  /** Ends the run between two steps, once its state is saved. */
  readonly signal?: AbortSignal;
}
