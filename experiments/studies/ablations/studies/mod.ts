import { DROPOUT } from "./dropout.ts";
import { LAMBDA } from "./lambda.ts";
import { LEARNING_RATE } from "./learning_rate.ts";
import { METHODS } from "./methods.ts";
import { OPTIMIZER } from "./optimizer.ts";
import { PAPER_COSINES, PAPER_DROPOUT, PAPER_LAMBDA, PAPER_RATE, PAPER_START } from "./paper.ts";
import { RANK } from "./rank.ts";
import { RANK_OF_CHANGE } from "./rank_of_change.ts";
import { RECALL } from "./recall.ts";
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
  PAPER_DROPOUT,
  PAPER_START,
  PAPER_LAMBDA,
  PAPER_RATE,
  PAPER_COSINES,
  RANK_OF_CHANGE,
  RECALL,
];

/** Names that `--only` takes for several studies together. */
export const STUDY_GROUPS: readonly string[] = [...new Set(STUDIES.flatMap(({ group }) => group ?? []))];

/** Whether one of the names is a study's, or its group's. */
export function isNamed({ name, group }: Study, names: readonly string[]): boolean {
  return names.includes(name) || (group !== undefined && names.includes(group));
}
