import type { MethodFlags } from "../terminal/method_flags.ts";
import { ADAPTER, LENGTH, MODEL, TASK, TRAIN, WEIGHTS } from "./flag_table.ts";
import { flagPaths } from "../terminal/read_flags.ts";

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
  ...flagPaths({ ...MODEL, ...WEIGHTS, ...ADAPTER, ...TASK, ...LENGTH }),
};

/** The paths of the flags of `train`, and of methods' options. */
export function trainPaths(options: MethodFlags): FlagPaths {
  return {
    ...flagPaths(TRAIN),
    ...Object.fromEntries(
      options.methods.flatMap((method) =>
        [...options.optionsOf(method)].map(([flag, option]) => [`method.${option}`, flag])
      ),
    ),
  };
}
