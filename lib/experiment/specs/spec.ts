import * as v from "valibot";
import { sha256 } from "../../io/sha256.ts";
import type { RunSpec } from "./run_spec.ts";
import { specFault } from "./spec_fault.ts";

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

/** The schema of {@linkcode RunSpec}, which says the same in types. */
export const RunSpecSchema: v.GenericSchema<unknown, RunSpec> = v.pipe(
  v.strictObject({
    experiment: text,
    data: v.strictObject({ source: v.picklist(["suite", "folder"]), hash: text, examples: count }),
    task: text,
    metric: text,
    split: v.literal("dev"),
    /** Which state is scored: the last one, or of those that are scored on the way the first with the best metric. */
    checkpoint: v.picklist(["last", "best"]),
    /** Steps between scores on the way, with "best"; the last state is scored, too. */
    evaluateEvery: v.optional(count),
    model: v.strictObject({
      /** `suite-encoder`, or a model's name on the hub or its folder's. */
      name: text,
      /** Whether it ships with the suite (when absent), or lies in a folder as Hugging Face has it. */
      source: v.optional(v.picklist(["pretrained"])),
      hash: text,
      hiddenSize: count,
      layers: count,
      heads: count,
      /** Width between the two projections of a feed-forward part; 4 · hiddenSize when absent. */
      intermediateSize: v.optional(count),
      maxLength: count,
      /** Most tokens of an example. */
      length: count,
      vocabSize: count,
      /** Rate of dropout everywhere; the model's own when absent, which the suite's encoder has not. */
      dropout: v.optional(share),
    }),
    /** The run whose outcome this one starts from: its task, and the hash of its spec. */
    start: v.optional(v.strictObject({ task: text, run: text })),
    method: v.objectWithRest({ name: text }, v.union([v.string(), v.number(), v.boolean()])),
    optimizer: v.strictObject({
      name: v.picklist(["adamw", "sgd"]),
      learningRate: positive,
      weightDecay: v.pipe(v.number(), v.minValue(0)),
      /** Whether biases and layer norms decay, too, as they do when it is absent. */
      decaysBiases: v.optional(v.boolean()),
      schedule: v.picklist(["constant", "linear", "cosine"]),
      warmup: whole,
      /** Largest norm of all gradients together; no limit when absent. */
      clip: v.optional(positive),
      /** Of "sgd"; none when absent. */
      momentum: v.optional(share),
    }),
    /** What a regression learns: scores as shares of their range when absent, or as they are. */
    scores: v.optional(v.picklist(["raw"])),
    /** To what batches are padded: to `length` when absent, or each to the shortest of a few lengths that fits. */
    padding: v.optional(v.picklist(["bucket"])),
    steps: count,
    /** Passes over the examples that `steps` were counted from, where they were. */
    epochs: v.optional(positive),
    batchSize: count,
    seed,
    packageVersion: text,
  }),
  v.check(
    ({ checkpoint, evaluateEvery }) => (checkpoint === "best") === (evaluateEvery !== undefined),
    'evaluateEvery belongs to checkpoint "best", and to that alone',
  ),
  v.check(
    ({ optimizer: { name, momentum } }) => name === "sgd" || momentum === undefined,
    'optimizer.momentum belongs to "sgd" alone',
  ),
);

/** Checks a spec. Throws a TypeError that names the place, what was expected there, and the nearest name there is. */
export function parseSpec(value: unknown): RunSpec {
  const result = v.safeParse(RunSpecSchema, value);
  if (result.success) return result.output;
  throw new TypeError(`a run's spec is ${specFault(RunSpecSchema, result.issues)}`);
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1).map(([key, part]) => [key, sortKeys(part)]),
  );
}

/** A spec as JSON that does not depend on the order of its keys. */
export function canonicalJson(spec: unknown): string {
  return JSON.stringify(sortKeys(spec));
}

/** The name under which a run is kept: 16 hex digits of the spec's sha-256. */
export async function hashSpec(spec: RunSpec): Promise<string> {
  return (await sha256(canonicalJson(spec))).slice(0, 16);
}
