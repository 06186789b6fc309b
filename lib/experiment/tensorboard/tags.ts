import type { RunSpec } from "../specs/run_spec.ts";

/** What scalars of a run's steps are called. */
export const CURVE_TAGS = {
  loss: "train/loss",
  learningRate: "train/learning_rate",
  gradNorm: "train/grad_norm",
} as const;

/** What a score of a run is called: its split and the metric. */
export function scoreTag({ split }: RunSpec, metric: string): string {
  return `${split}/${metric}`;
}
