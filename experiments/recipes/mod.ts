import { DEFAULT } from "./default.ts";
import { PAPER } from "./paper.ts";
import type { Scale, ScaleName } from "./scale.ts";
import { SMALL } from "./small.ts";

export {
  ALL_TASKS,
  type Scale,
  type ScaleModel,
  type ScaleName,
  SCALES,
  type TaskName,
  type TaskRecipe,
  TASKS,
} from "./scale.ts";

/** What each size runs. */
export const SCALE: Readonly<Record<ScaleName, Scale>> = { default: DEFAULT, small: SMALL, paper: PAPER };
