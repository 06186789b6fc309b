import { canonicalJson, parseSpec, type Part, type RunSpec } from "../../lib/experiment/specs/mod.ts";
import { valueAt } from "../../lib/experiment/specs/choices.ts";
import { distinctSpecs } from "../../lib/experiment/specs/spec.ts";
import { isObject } from "../../lib/text/is_object.ts";
import type { RunDraft } from "./complete_spec.ts";
import { completeRun } from "./complete_text_spec.ts";
import type { Inputs } from "./data/inputs.ts";
import { loadTaskOf } from "./data/own_task.ts";
import { loadModelOf } from "./model/own_model.ts";
import { isModulePath } from "./own_module.ts";
import { loadMethodOf } from "./train/load_method.ts";

/** What a part of a spec says that completing it does not ask for: it stands in the place of what is usual. */
const AS_SAID = [
  "metric",
  "split",
  "checkpoint",
  "evaluateEvery",
  "start",
  "scores",
  "padding",
  "scoreBatchSize",
  "changeOf",
] as const;

/** What completing changes on purpose: shares become steps, a limit of 0 becomes none, options get their defaults. */
const CHANGED = /^(method|optimizer\.(warmup|clip)|epochs)(\.|$)/;

/** Whether a part is a whole spec, as a command wrote it. */
export function isWholeSpec(part: Part<RunSpec>): boolean {
  return part.packageVersion !== undefined;
}

/** Throws a RangeError where a part says what model and data do not. */
function requireSaid(part: unknown, spec: RunSpec, path: readonly string[] = []): void {
  if (CHANGED.test(path.join("."))) return;
  // The path of a module has given way to the name of its task.
  if (path.join() === "task" && isModulePath(String(part))) return;
  if (isObject(part)) return Object.entries(part).forEach(([key, inner]) => requireSaid(inner, spec, [...path, key]));
  const found = valueAt(spec, path);
  if (canonicalJson(found) === canonicalJson(part)) return;
  throw new RangeError(`\`${path.join(".")}\` is ${found} by model and data, not ${part}: leave it out`);
}

/** A part of a spec without what is absent in it. */
function given(part: object, keys: readonly string[]): object {
  return Object.fromEntries(Object.entries(part).filter(([key, value]) => keys.includes(key) && value !== undefined));
}

async function complete(part: Part<RunSpec>, inputs: Inputs): Promise<RunSpec> {
  if (isWholeSpec(part)) {
    const spec = parseSpec(part);
    await loadMethodOf(spec);
    await loadTaskOf(spec);
    await loadModelOf(spec);
    return spec;
  }
  const { experiment = "run", method = {}, optimizer = {} } = part;
  const draft = { ...part, experiment, method, optimizer } as RunDraft; // a part's columns, where it has them, are whole
  const { spec } = await completeRun(draft, inputs);
  const whole = parseSpec({ ...spec, ...given(part, AS_SAID) });
  requireSaid(part, whole);
  return whole;
}

/**
 * The specs of a file's runs, each once: whole ones as they are, others completed from model and data.
 *
 * Throws a RangeError that names the place in the spec that is wrong, and what reading model and data throws.
 */
export async function fileSpecs(parts: readonly Part<RunSpec>[], inputs: Inputs): Promise<RunSpec[]> {
  const specs: RunSpec[] = [];
  for (const part of parts) specs.push(await complete(part, inputs));
  return distinctSpecs(specs);
}
