import * as v from "valibot";

const count = v.pipe(v.number(), v.integer(), v.minValue(1));
const positive = v.pipe(v.number(), v.finite(), v.gtValue(0));
const text = v.pipe(v.string(), v.minLength(1));

/** What a run is, as plain data: everything that its result depends on, but for the machine. */
export const RunSpecSchema = v.strictObject({
  experiment: text,
  data: v.strictObject({ source: v.picklist(["suite", "folder"]), hash: text, examples: count }),
  task: text,
  metric: text,
  split: v.literal("dev"),
  /** Which state is scored: the last one. */
  checkpoint: v.literal("last"),
  model: v.strictObject({
    name: text,
    hash: text,
    hiddenSize: count,
    layers: count,
    heads: count,
    maxLength: count,
    length: count,
    vocabSize: count,
  }),
  method: v.objectWithRest({ name: text }, v.union([v.string(), v.number(), v.boolean()])),
  optimizer: v.strictObject({
    name: v.literal("adamw"),
    learningRate: positive,
    weightDecay: v.pipe(v.number(), v.minValue(0)),
    schedule: v.literal("linear"),
    warmup: v.pipe(v.number(), v.integer(), v.minValue(0)),
    clip: positive,
  }),
  steps: count,
  batchSize: count,
  seed: v.pipe(v.number(), v.integer(), v.minValue(0)),
  packageVersion: text,
});

/** What a run is. */
export type RunSpec = v.InferOutput<typeof RunSpecSchema>;

/** Checks a spec. Throws a TypeError that names the place and what was expected there. */
export function parseSpec(value: unknown): RunSpec {
  const result = v.safeParse(RunSpecSchema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new TypeError(`a run's spec is wrong at ${v.getDotPath(issue) ?? "its root"}: ${issue.message}`);
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

/** Hex sha-256 of text or bytes. */
export async function sha256(contents: string | Uint8Array<ArrayBuffer>): Promise<string> {
  const bytes = typeof contents === "string" ? new TextEncoder().encode(contents) : contents;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The name under which a run is kept: 16 hex digits of the spec's sha-256. */
export async function hashSpec(spec: RunSpec): Promise<string> {
  return (await sha256(canonicalJson(spec))).slice(0, 16);
}
