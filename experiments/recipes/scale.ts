import type { GlueTaskName } from "../../lib/data/mod.ts";
import type { RunSpec } from "../../lib/experiment/specs/mod.ts";
import { type ProbeName, PROBES } from "../suite/probes.ts";

/** GLUE's tasks in the order of help texts, and in which all of them run. */
export const TASKS: readonly GlueTaskName[] = ["cola", "sst2", "mrpc", "stsb", "rte", "mnli", "qnli", "qqp", "wnli"];

/** Name of a task that ships: one of GLUE's, or a probe of the suite's encoder. */
export type TaskName = GlueTaskName | ProbeName;

/** Names of all of them. */
export const ALL_TASKS: readonly TaskName[] = [...TASKS, ...PROBES];

/** Names of the sizes at which GLUE is reproduced. */
export const SCALES = ["default", "small", "paper"] as const;

/** Name of a size. */
export type ScaleName = typeof SCALES[number];

/** How a method is trained on a task. */
export interface TaskRecipe {
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly decaysBiases?: boolean;
  /** Steps, or below 1 a share of the run. */
  readonly warmup: number;
  readonly batchSize: number;
  /** Passes over the examples, or steps. */
  readonly length: { readonly epochs: number } | { readonly steps: number };
  /** Most tokens of an example. */
  readonly tokens: number;
  /** "best" is of the states at the end of each epoch. */
  readonly checkpoint: RunSpec["checkpoint"];
  /** The task from whose run of the same method and seed this one starts. */
  readonly start?: GlueTaskName;
  /** Options of the method in place of its usual ones, of those that it has; `startStep` below 1 is a share of the run. */
  readonly method?: Readonly<Record<string, number | string>>;
}

/** A model that a size has unless told otherwise. */
export interface ScaleModel {
  /** Its name on the hub. */
  readonly id: string;
  /** Its `config.json`, for plans where its files are not at hand. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** A size at which GLUE is reproduced: what runs unless flags say otherwise. */
export interface Scale {
  readonly name: ScaleName;
  /** The suite's encoder where it is absent. */
  readonly model?: ScaleModel;
  readonly tasks: readonly GlueTaskName[];
  readonly seeds: number;
  /** Where records go. */
  readonly out: string;
  readonly padding?: RunSpec["padding"];
  /** What a regression learns. */
  readonly scores?: RunSpec["scores"];
  /** Throws a RangeError where a task of one's own has none. */
  recipe(task: string, method: string): TaskRecipe;
}
