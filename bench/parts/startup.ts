import { lockFlags } from "../../experiments/runner/locked.ts";
import type { StartupResult } from "../report/document.ts";
import { type Timing, timingOf } from "../measure/turns.ts";

/** A start: milliseconds from that of the process, how many pipelines it needed, and what the slowest of them took. */
interface Start {
  readonly total: number;
  readonly imported: number;
  readonly opened: number;
  readonly pipelines: number;
  /** Milliseconds; undefined where the driver compiles unseen. */
  readonly slowest?: number;
}

/** Where Deno keeps its packages. */
export async function denoFolder(): Promise<string> {
  const { stdout, success } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"], stderr: "null" })
    .output();
  if (!success) throw new Error("cannot find Deno's cache: `deno info` failed");
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

/**
 * Gives work the environment of caches that are empty but for packages, so that nothing is downloaded: what Deno made of
 * sources and what a driver made of shaders is gone.
 */
export async function withEmptyCaches(
  packages: string,
  work: (env: Record<string, string>) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "bench_caches_" });
  await Deno.mkdir(`${folder}/deno`);
  for (const part of ["npm", "remote"]) {
    try {
      await Deno.lstat(`${packages}/${part}`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) continue;
      throw error;
    }
    await Deno.symlink(`${packages}/${part}`, `${folder}/deno/${part}`);
  }
  const env = {
    DENO_DIR: `${folder}/deno`,
    MESA_SHADER_CACHE_DIR: `${folder}/mesa`,
    __GL_SHADER_DISK_CACHE_PATH: `${folder}/nvidia`,
  };
  try {
    await work(env);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs the program once. */
async function start(env: Record<string, string>, device: string | undefined): Promise<Start> {
  const script = new URL("./first_step.ts", import.meta.url);
  const args = ["run", "--quiet", ...lockFlags(), "--allow-all", script.href, ...device === undefined ? [] : [device]];
  const began = performance.timeOrigin + performance.now();
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, env }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(`the program of the start-up failed: ${text.decode(stderr).trim()}`);
  const { imported, opened, finished, loss, pipelines, slowest } = JSON.parse(text.decode(stdout));
  if (!Number.isFinite(loss)) throw new Error(`internal: the loss of the first step is ${loss}`);
  return { total: finished - began, imported: imported - began, opened: opened - began, pipelines, slowest };
}

/** Measures a fresh process to its first finished step: with empty caches, then again with what it left there. */
export async function measureStartup(
  options: { readonly rounds: number; readonly device?: string; readonly onRound: (round: number) => void },
): Promise<StartupResult[]> {
  const packages = await denoFolder();
  const starts: Record<StartupResult["caches"], Start[]> = { cold: [], warm: [] };
  for (let round = 0; round < options.rounds; round++) {
    options.onRound(round);
    await withEmptyCaches(packages, async (env) => {
      starts.cold.push(await start(env, options.device));
      starts.warm.push(await start(env, options.device));
    });
  }
  const timing = (caches: StartupResult["caches"], part: "total" | "imported" | "opened"): Timing =>
    timingOf(starts[caches].map((one) => one[part]));
  const slowestOf = (caches: StartupResult["caches"]) => starts[caches].flatMap(({ slowest }) => slowest ?? []);
  return (["cold", "warm"] as const).map((caches) => ({
    caches,
    total: timing(caches, "total"),
    imported: timing(caches, "imported"),
    opened: timing(caches, "opened"),
    pipelines: starts[caches][0].pipelines,
    slowest: slowestOf(caches).length > 0 ? timingOf(slowestOf(caches)) : undefined,
  }));
}
