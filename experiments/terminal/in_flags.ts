import type { FlagTable } from "./flag_table.ts";
import { flagPaths } from "./read_flags.ts";

/** Flags of a command by the options, or places in a spec, that they decide. */
export type FlagPaths = Readonly<Record<string, string>>;

/** What messages of all commands call flags of `pretrain`, which makes what they lack. */
export const PRETRAIN_PATHS: FlagPaths = {
  "pretrain.model": "model",
  "pretrain.size": "size",
  "pretrain.out": "out",
  "pretrain.teach": "teach",
  "pretrain.overwrite": "overwrite",
};

/** A text in which options and places of a spec stand between backquotes, with the flags that decide them in their stead. */
export function inFlags(text: string, paths: FlagPaths): string {
  return text.replace(/`([A-Za-z.]+)`/g, (whole, path: string) => {
    const flag = paths[path] ?? PRETRAIN_PATHS[path];
    return flag === undefined ? whole : `--${flag}`;
  });
}

/** What makes texts a command's: with the flags of its table in the stead of what they decide. */
export function sayInFlags(table: FlagTable): (text: string) => string {
  const paths = flagPaths(table);
  return (text) => inFlags(text, paths);
}
