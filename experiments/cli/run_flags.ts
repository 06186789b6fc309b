import { COMMON, type FlagTable } from "../terminal/flag_table.ts";
import { GRID, MODEL } from "./flag_table.ts";

/** Flags of `run`. */
export const RUN = {
  set: {
    takes: "texts",
    value: "PATH=VALUE",
    path: "set",
    help:
      "another value at a place of the file's runs, such as method.rank=16 or optimizer.learningRate=1e-3; a list, " +
      "such as method.rank=[2,4], makes an axis of it; out, seeds, inputs.model … are the file's own; may be given " +
      "several times",
  },
  out: {
    takes: "text",
    value: "DIR",
    path: "out",
    help: "where records go; the file's, or runs/ and the file's name by default",
  },
  offline: MODEL.offline,
  ...GRID,
  "dry-run": { takes: "nothing", help: "only prints what would run, its work and its time" },
  ...COMMON,
} as const satisfies FlagTable;
