import { LAUNCHERS, type LaunchOptions, TASK } from "../sweep/sweep_file.ts";
import { COMMON, type FlagTable } from "../terminal/flag_table.ts";
import type { FlagValues } from "../terminal/read_flags.ts";
import { GRID, MODEL } from "./flag_table.ts";
import { RUN } from "./run_flags.ts";

/** Who has tasks run, and what of a cluster they need. */
export const CLUSTER = {
  launcher: {
    takes: "text",
    value: LAUNCHERS.join("|"),
    choices: LAUNCHERS,
    help: "local: here, which is the default; slurm: as job arrays of Slurm, parted by the site's MaxArraySize",
  },
  "array-limit": {
    takes: "integer",
    value: "N",
    help: "most tasks of a sweep at once; one here and all on a cluster by default",
  },
  time: { takes: "text", value: "LIMIT", help: "a task's time limit, as the cluster writes it: 4:00:00" },
  partition: { takes: "text", value: "NAME", help: "Slurm's partition" },
  gres: { takes: "text", value: "gpu:1", help: "devices of a task" },
  account: { takes: "text", value: "NAME", help: "whom Slurm counts the time to" },
  preamble: {
    takes: "texts",
    value: "LINE",
    help: "a line of shell before a task's command, such as 'module load vulkan'; may be given several times",
  },
  requeue: {
    takes: "nothing",
    help:
      "a task that comes near its time limit goes on in another attempt, to the same bits; so does one whose node fails",
  },
  grace: {
    takes: "integer",
    value: "N",
    help: "seconds before its time limit at which a task is told to save its state, 120 by default",
  },
} as const satisfies FlagTable;

/** Flags of `sweep`. */
export const SWEEP = {
  set: RUN.set,
  out: RUN.out,
  offline: MODEL.offline,
  ...CLUSTER,
  runs: {
    takes: "integer",
    value: "N",
    help:
      "most runs of a task, by default as many as --cells; those that start from one another are in one task all the same",
  },
  cells: {
    takes: "integer",
    value: "N",
    help: "most runs that are trained together in one program, by default 16 of a small model and 1 of others",
  },
  "save-every": {
    takes: "integer",
    value: "N",
    help:
      "writes the state of a run that is under way every N steps, 500 by default: from there another attempt goes on",
  },
  parquet: GRID.parquet,
  ...COMMON,
} as const satisfies FlagTable;

type ClusterFlags = FlagValues<typeof CLUSTER>;

/** How tasks are launched, as flags have it; what is not given is left out. */
export function launchOptions(flags: ClusterFlags): Partial<LaunchOptions> {
  const { launcher, "array-limit": arrayLimit, time, partition, gres, account, grace, preamble, requeue } = flags;
  const given = { launcher, arrayLimit, time, partition, gres, account, grace };
  const lines = { ...preamble.length > 0 && { preamble: [...preamble] }, ...requeue && { requeue } };
  return { ...lines, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) };
}

/** Flags that go on to the command of each task. */
type TaskFlags = Pick<FlagValues<typeof SWEEP>, "device" | "verbose" | "offline" | "save-every">;

/** The words of a task's command, for so many cells at most: that of a configuration file, alone on its device. */
export function taskCommand(flags: TaskFlags): (cells: number) => readonly string[] {
  const { device, verbose, offline, "save-every": saveEvery = 500 } = flags;
  const rights = ["--allow-run", "--allow-env", "--allow-read", "--allow-write"];
  const launch = decodeURIComponent(new URL("../../tools/launch.ts", import.meta.url).pathname);
  return (cells) => [
    ...[Deno.execPath(), "run", "--quiet", ...rights, launch],
    ...["run", `${TASK}/runs.json`, "--out", TASK, "--parallel", "1", "--cells", String(cells)],
    ...["--save-every", String(saveEvery)],
    ...device === undefined ? [] : ["--device", device],
    ...offline ? ["--offline"] : [],
    ...verbose ? ["--verbose"] : [],
  ];
}
