import type { Launcher } from "./launcher.ts";
import { local } from "./local.ts";
import { slurm } from "./slurm.ts";
import type { LaunchOptions } from "./sweep_file.ts";

/** Launchers by name: each is one file. */
export const LAUNCHER: Readonly<Record<LaunchOptions["launcher"], Launcher>> = { local, slurm };
