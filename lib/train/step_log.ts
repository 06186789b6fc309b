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

/** Why a run cannot go on behind a step: a loss or a norm that is no finite number; nothing where it can. */
export function failureOf({ step, loss, gradNorm }: StepLog): TrainingFailed | undefined {
  const [name, value] = Number.isFinite(loss) ? ["norm of the gradients", gradNorm] : ["loss", loss];
  if (Number.isFinite(value)) return undefined;
  return new TrainingFailed(`the ${name} is ${value} at step ${step}: a lower learning rate or clipping may help`);
}
