import type { RunGridOptions } from "../runner/run_grid.ts";
import { type Growth, MOST_PAIRS } from "../studies/growth.ts";
import type { FlagValues } from "../terminal/read_flags.ts";
import type { RUN } from "./run_flags.ts";

/** Flags that every command has that runs a grid. */
type GridFlags = Pick<
  FlagValues<typeof RUN>,
  | "device"
  | "verbose"
  | "json"
  | "parallel"
  | "cells"
  | "save-every"
  | "parquet"
  | "force"
  | "dry-run"
  | "peft-json"
  | "tensorboard"
>;

/** How a grid is run, as flags have it. */
export function gridOptions(flags: GridFlags): Omit<RunGridOptions, "command" | "out"> {
  const { device, verbose, json, parallel, cells, parquet, force, tensorboard } = flags;
  const { "save-every": saveEvery = 500, "dry-run": isDry, "peft-json": peftJson } = flags;
  return { device, verbose, json, parallel, cells, parquet, force, saveEvery, isDry, peftJson, tensorboard };
}

/** A command as reports name it: `--json` changes nothing of what they say. */
export function commandLine(task: string, args: readonly string[]): string {
  return ["deno task", task, ...args.filter((word) => word !== "--json")].join(" ");
}

/** The margin of verdicts as a share of 1, from points; none where it is not asked for. */
export function marginOf(flags: { readonly margin?: number }): number | undefined {
  const { margin } = flags;
  return margin === undefined ? undefined : margin / 100;
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

/** Seconds of a time such as `30m`. Throws a RangeError where it is none. */
function secondsOf(text: string): number {
  const [, count, unit] = text.match(/^(\d+(?:\.\d+)?)([smh])$/) ?? [];
  const seconds = Number(count) * (SECONDS[unit] ?? NaN);
  if (seconds > 0) return seconds;
  throw new RangeError(`--budget is a time such as 90s, 30m or 2h, not "${text}"`);
}

/** Until when pairs are added, as flags have it; none without `--until`. Throws a RangeError where they do not fit. */
export function growthOf(
  flags: {
    readonly until?: number;
    readonly budget?: string;
    readonly force?: boolean;
    readonly seeds?: number;
  },
  { tasks }: { readonly tasks: number },
): Growth | undefined {
  const { until, budget, force, seeds } = flags;
  if (until === undefined) {
    if (budget !== undefined) throw new RangeError("--budget is of --until, which is not there");
    return undefined;
  }
  if (force) throw new RangeError("--until goes on from what is recorded, and --force repeats it: give one of them");
  return {
    until,
    tasks,
    most: seeds ?? Math.ceil(MOST_PAIRS / tasks),
    ...budget !== undefined && { budget: secondsOf(budget) },
  };
}
