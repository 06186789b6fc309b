import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { differAt, pathsOfValues, settingWords } from "../../studies/settings_table.ts";

/** Parts of a spec that say how a run is trained, by which runs of one method may differ. */
const PARTS = ["method", "optimizer", "model"];
const VALUES = ["steps", "batchSize", "accumulate", "checkpoint", "padding", "order", "scores"];

/** What runs are called that differ in their tasks and seeds alone: the method, and in what it differs from its like. */
export function conditionNames(specs: readonly RunSpec[]): (spec: RunSpec) => string {
  const differs = differAt(specs);
  const paths = [...pathsOfValues(PARTS, specs).filter((path) => !path.endsWith("hash")), ...VALUES.filter(differs)];
  return (spec) => [spec.method.name, ...settingWords(spec, paths)].join(" ");
}
