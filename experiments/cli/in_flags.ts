import { peft } from "../../mod.ts";
import { METHOD_FLAGS } from "./train_draft.ts";

/** Flags of a command by the places in a spec that they decide. */
export type FlagPaths = Readonly<Record<string, string>>;

/** A text in which places of a spec stand between backquotes, with the flags that decide them in their stead. */
export function inFlags(text: string, paths: FlagPaths): string {
  return text.replace(/`([A-Za-z.]+)`/g, (whole, path: string) => {
    const flag = paths[path];
    return flag === undefined ? whole : `--${flag}`;
  });
}

/** The paths of flags that name a model and a task. */
export const INPUT_PATHS: FlagPaths = {
  "model.name": "model",
  "model.revision": "revision",
  "model.weights": "weights",
  "model.length": "max-length",
  "task": "task",
  "data.file": "data",
  "data.columns": "columns",
  "data.labels": "kind",
  "data.classes": "classes",
  "adapter": "adapter",
};

/** The paths of the flags of `train`. */
export const TRAIN_PATHS: FlagPaths = {
  ...INPUT_PATHS,
  "data.evalFile": "eval-data",
  "adapter": "adapter-init",
  "model.freshHead": "fresh-head",
  "model.dropout": "dropout",
  "method.name": "method",
  ...Object.fromEntries(
    peft.METHODS.flatMap((method) =>
      [...METHOD_FLAGS.optionsOf(method)].map(([flag, option]) => [`method.${option}`, flag])
    ),
  ),
  "optimizer.name": "optimizer",
  "optimizer.momentum": "momentum",
  "optimizer.learningRate": "learning-rate",
  "optimizer.schedule": "schedule",
  "optimizer.warmup": "warmup",
  "optimizer.weightDecay": "weight-decay",
  "optimizer.decaysBiases": "no-decay-bias",
  "optimizer.clip": "clip",
  "batchSize": "batch",
  "accumulate": "accumulate",
  "epochs": "epochs",
  "steps": "steps",
  "order": "shuffle",
  "seed": "seed",
};
