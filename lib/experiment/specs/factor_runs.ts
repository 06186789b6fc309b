import * as v from "valibot";
import { withValue } from "./choices.ts";
import { leavesOf } from "./leaves.ts";
import { RunPartSchema } from "./run_part.ts";
import type { RunFile } from "./run_file.ts";
import { canonicalJson, type RunSpec } from "./spec.ts";

/**
 * Specs as a configuration file has them: what all of them say once, in `run`, and what sets each apart, in `runs`.
 * {@linkcode expandRunFile} gives them back.
 *
 * @example
 * ```ts
 * import { factorRuns, RUN_FILE_VERSION, type RunFile, type RunSpec } from "@delta-dawn/delta-lora/experiment";
 *
 * const fileOf = (specs: readonly RunSpec[]): RunFile => ({ version: RUN_FILE_VERSION, ...factorRuns(specs) });
 * ```
 */
export function factorRuns(specs: readonly RunSpec[]): Pick<RunFile, "run" | "runs"> {
  const all = specs.map((spec) => new Map(leavesOf(spec, { lists: "whole" })));
  const isShared = (path: string, leaf: unknown) =>
    all.every((leaves) => leaves.has(path) && canonicalJson(leaves.get(path)) === canonicalJson(leaf));
  const [shared, own] = [new Map<string, unknown>(), new Set<string>()];
  for (const leaves of all) {
    for (const [path, leaf] of leaves) {
      if (own.has(path) || shared.has(path)) continue;
      if (isShared(path, leaf)) shared.set(path, leaf);
      else own.add(path);
    }
  }
  const run = v.parse(
    RunPartSchema,
    [...shared].reduce<unknown>((made, [path, leaf]) => withValue(made, path.split("."), leaf), {}),
  );
  if (own.size === 0) return { run };
  return { run, runs: all.map((leaves) => Object.fromEntries([...leaves].filter(([path]) => own.has(path)))) };
}
