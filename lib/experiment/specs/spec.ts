import * as v from "valibot";
import { sha256 } from "../../io/sha256.ts";
import { type RunSpec, SPEC_VERSION } from "./run_spec.ts";
import { specFault } from "./spec_fault.ts";
import { isObject } from "../../text/is_object.ts";

export { sha256 } from "../../io/sha256.ts";
export type { RunSpec } from "./run_spec.ts";

/** What columns of 32-bit integers hold. */
const MAX_COUNT = 2 ** 31 - 1;
const count = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_COUNT));
const positive = v.pipe(v.number(), v.finite(), v.gtValue(0));
const text = v.pipe(v.string(), v.minLength(1));

const share = v.pipe(v.number(), v.minValue(0), v.ltValue(1));
const whole = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_COUNT));
const seed = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const module = v.strictObject({
  path: v.pipe(text, v.description("path of a module of one's own, from the working directory")),
  hash: v.pipe(text, v.description("of its source and of what it imports from files beside it; it is checked")),
});

/** Kinds of tasks whose answers are texts. */
const TEXT_KINDS = ["language-modelling", "sequence-to-sequence"];

/** The schema of {@linkcode RunSpec}, which says the same in types. */
export const RunSpecSchema: v.GenericSchema<unknown, RunSpec> = v.pipe(
  v.strictObject({
    version: v.literal(SPEC_VERSION),
    experiment: text,
    data: v.strictObject({
      source: v.picklist(["suite", "folder", "files", "module", "instructions"]),
      hash: text,
      examples: count,
      columns: v.optional(v.strictObject({ text, text2: v.optional(text), label: text })),
      module: v.optional(module),
      labels: v.optional(v.picklist(["classes", "scores"])),
      classes: v.optional(text),
    }),
    task: text,
    kind: v.picklist(["classification", "regression", "language-modelling", "sequence-to-sequence"]),
    metric: text,
    split: v.picklist(["dev", "test", "none"]),
    checkpoint: v.picklist(["last", "best", "late"]),
    evaluateEvery: v.optional(count),
    model: v.strictObject({
      name: text,
      revision: v.optional(text),
      source: v.optional(v.picklist(["pretrained", "module"])),
      module: v.optional(module),
      hash: text,
      hiddenSize: count,
      layers: count,
      heads: count,
      intermediateSize: v.optional(count),
      maxLength: count,
      length: count,
      targetLength: v.optional(count),
      vocabSize: count,
      dropout: v.optional(share),
      weights: v.optional(v.picklist(["f16"])),
      freshHead: v.optional(v.literal(true)),
    }),
    start: v.optional(v.strictObject({ task: text, run: text })),
    adapter: v.optional(v.strictObject({ hash: text })),
    method: v.objectWithRest({ name: text }, v.union([v.string(), v.number(), v.boolean()])),
    optimizer: v.strictObject({
      name: v.picklist(["adamw", "sgd"]),
      learningRate: positive,
      weightDecay: v.pipe(v.number(), v.minValue(0)),
      decaysBiases: v.optional(v.boolean()),
      schedule: v.picklist(["constant", "linear", "cosine"]),
      warmup: whole,
      clip: v.optional(positive),
      momentum: v.optional(share),
      epsilon: v.optional(positive),
    }),
    labelSmoothing: v.optional(share),
    decoding: v.optional(v.strictObject({
      beams: count,
      lengthPenalty: v.optional(v.pipe(v.number(), v.finite())),
      penaltyOver: v.optional(v.picklist(["sequence"])),
      earlyStopping: v.optional(v.literal(true)),
      noRepeatNGrams: v.optional(count),
      maxNewTokens: count,
      minNewTokens: v.optional(count),
      sources: v.optional(count),
    })),
    scores: v.optional(v.picklist(["raw"])),
    padding: v.optional(v.picklist(["bucket"])),
    order: v.optional(v.picklist(["file"])),
    steps: count,
    epochs: v.optional(positive),
    batchSize: count,
    accumulate: v.optional(count),
    scoreBatchSize: v.optional(count),
    changeOf: v.optional(text),
    seed,
    packageVersion: text,
  }),
  v.check(
    ({ checkpoint, evaluateEvery }) => (checkpoint !== "last") === (evaluateEvery !== undefined),
    'evaluateEvery belongs to checkpoints "best" and "late", and to those alone',
  ),
  v.check(
    ({ optimizer: { name, momentum } }) => name === "sgd" || momentum === undefined,
    'optimizer.momentum belongs to "sgd" alone',
  ),
  v.check(
    ({ data: { source, columns } }) => (source === "files") === (columns !== undefined),
    'data.columns belongs to source "files", and to that alone',
  ),
  v.check(
    ({ data: { source, module } }) => (source === "module") === (module !== undefined),
    'data.module belongs to source "module", and to that alone',
  ),
  v.check(
    ({ model: { source, module } }) => (source === "module") === (module !== undefined),
    'model.module belongs to source "module", and to that alone',
  ),
  v.check(
    ({ kind, model: { targetLength } }) => (kind === "sequence-to-sequence") === (targetLength !== undefined),
    'model.targetLength belongs to kind "sequence-to-sequence", and to that alone',
  ),
  v.check(
    ({ kind, labelSmoothing, decoding, split }) =>
      TEXT_KINDS.includes(kind) || labelSmoothing === undefined && decoding === undefined && split !== "test",
    'labelSmoothing, decoding and split "test" belong to kinds "language-modelling" and "sequence-to-sequence" alone',
  ),
  v.check(
    ({ optimizer: { name, epsilon } }) => name === "adamw" || epsilon === undefined,
    'optimizer.epsilon belongs to "adamw" alone',
  ),
);

/** What had no version, in the form of this one: all that it lacks is what kind of task it is, which its metric says. */
function fromVersion0(spec: Readonly<Record<string, unknown>>): unknown {
  const kind = spec.metric === "pearson" || spec.metric === "spearman" ? "regression" : "classification";
  return { kind, ...spec, version: SPEC_VERSION };
}

/** A spec in the form of this version. Throws a TypeError where it is of a later one. */
function inThisVersion(value: unknown): unknown {
  if (!isObject(value)) return value;
  const spec = value;
  if (spec.version === undefined) return fromVersion0(spec);
  if (!Number.isInteger(spec.version) || Number(spec.version) <= SPEC_VERSION) return spec;
  throw new TypeError(
    `a run's spec is of version ${spec.version}, and this package reads versions up to ${SPEC_VERSION}: use a later one`,
  );
}

/**
 * A run's spec, once its form is checked. One without a version is of before versions were counted, and is given in the
 * form of this one, whose hash is another.
 *
 * Throws a TypeError that names the place, what was expected there, and the nearest name there is; or the version,
 * where it is later than {@linkcode SPEC_VERSION}.
 *
 * @example
 * ```ts
 * import { parseSpec } from "@delta-dawn/delta-lora/experiment";
 *
 * try {
 *   parseSpec({ version: 2 });
 * } catch (error) {
 *   console.log(error instanceof TypeError); // true
 * }
 * ```
 */
export function parseSpec(value: unknown): RunSpec {
  const result = v.safeParse(RunSpecSchema, inThisVersion(value));
  if (result.success) return result.output;
  throw new TypeError(`a run's spec is ${specFault(RunSpecSchema, result.issues).message}`);
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1).map(([key, part]) => [key, sortKeys(part)]),
  );
}

/**
 * The JSON of a spec, which does not depend on the order of its keys.
 *
 * @example
 * ```ts
 * import { canonicalJson } from "@delta-dawn/delta-lora/experiment";
 *
 * console.log(canonicalJson({ task: "rte", seed: 0 })); // {"seed":0,"task":"rte"}
 * ```
 */
export function canonicalJson(spec: unknown): string {
  return JSON.stringify(sortKeys(spec));
}

/**
 * The name under which a run is kept: the first 16 hex digits of the sha-256 of its {@linkcode canonicalJson}.
 *
 * @example
 * ```ts
 * import { hashSpec, recordPath, type RunSpec } from "@delta-dawn/delta-lora/experiment";
 *
 * const fileOf = async (spec: RunSpec) => recordPath("runs/glue", await hashSpec(spec));
 * ```
 */
export async function hashSpec(spec: RunSpec): Promise<string> {
  return (await sha256(canonicalJson(spec))).slice(0, 16);
}

/** Specs without those that came before, in the order in which they first come. */
export function distinctSpecs(specs: readonly RunSpec[]): RunSpec[] {
  const known = new Map<string, RunSpec>();
  for (const spec of specs) {
    const key = canonicalJson(spec);
    if (!known.has(key)) known.set(key, spec);
  }
  return [...known.values()];
}
