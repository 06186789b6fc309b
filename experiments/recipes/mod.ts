import { DEFAULT } from "./default.ts";
import { PAPER } from "./paper.ts";
import type { Scale, ScaleName } from "./scale.ts";
import { SMALL } from "./small.ts";

export { type Scale, type ScaleModel, type ScaleName, SCALES, type TaskRecipe, TASKS } from "./scale.ts";

/** What each size runs. */
export const SCALE: Readonly<Record<ScaleName, Scale>> = { default: DEFAULT, small: SMALL, paper: PAPER };
