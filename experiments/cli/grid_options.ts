import type { RunGridOptions } from "../runner/run_grid.ts";
import type { FlagValues } from "../terminal/read_flags.ts";
import type { RUN } from "./run_flags.ts";

/** Flags that every command has that runs a grid. */
type GridFlags = Pick<
  FlagValues<typeof RUN>,
  "device" | "verbose" | "json" | "parallel" | "cells" | "save-every" | "parquet" | "force" | "dry-run"
>;

/** How a grid is run, as flags have it. */
export function gridOptions(flags: GridFlags): Omit<RunGridOptions, "command" | "out"> {
  const { device, verbose, json, parallel, cells, parquet, force } = flags;
  const { "save-every": saveEvery = 500, "dry-run": isDry } = flags;
  return { device, verbose, json, parallel, cells, parquet, force, saveEvery, isDry };
}

/** A command as reports name it: `--json` changes nothing of what they say. */
export function commandLine(task: string, args: readonly string[]): string {
  return ["deno task", task, ...args.filter((word) => word !== "--json")].join(" ");
}

/** The margin of verdicts as a share of 1, from points; none where it is not asked for. */
export function marginOf({ margin }: { readonly margin?: number }): number | undefined {
  return margin === undefined ? undefined : margin / 100;
}
