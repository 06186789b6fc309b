import { DROPOUT } from "./dropout.ts";
import { LAMBDA } from "./lambda.ts";
import { LEARNING_RATE } from "./learning_rate.ts";
import { METHODS } from "./methods.ts";
import { OPTIMIZER } from "./optimizer.ts";
import { RANK } from "./rank.ts";
import { SCALE_CONTROLS } from "./scale.ts";
import { SEEDS } from "./seeds.ts";
import { START_STEP } from "./start_step.ts";
import type { Study } from "./study.ts";
import { TARGETS } from "./targets.ts";

export type { Condition, Study, StudyFigure } from "./study.ts";

/** All studies, in the order of the report. */
export const STUDIES: readonly Study[] = [
  SCALE_CONTROLS,
  LAMBDA,
  START_STEP,
  RANK,
  LEARNING_RATE,
  DROPOUT,
  TARGETS,
  OPTIMIZER,
  SEEDS,
  METHODS,
];
