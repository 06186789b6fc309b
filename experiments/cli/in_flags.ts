import { peft } from "../../mod.ts";
import { LENGTH, MODEL, TASK, TRAIN, WEIGHTS } from "./flag_table.ts";
import { flagPaths } from "./read_flags.ts";
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
  ...flagPaths({ ...MODEL, ...WEIGHTS, ...TASK, ...LENGTH }),
  "adapter": "adapter",
};

/** The paths of the flags of `train`. */
export const TRAIN_PATHS: FlagPaths = {
  ...flagPaths(TRAIN),
  ...Object.fromEntries(
    peft.METHODS.flatMap((method) =>
      [...METHOD_FLAGS.optionsOf(method)].map(([flag, option]) => [`method.${option}`, flag])
    ),
  ),
};
