import * as v from "valibot";
import type { RunSpec } from "./run_spec.ts";
import { RunSpecSchema } from "./spec.ts";

/** Plain data of which, at any depth, what is absent is not chosen. */
export type Part<T> = T extends object ? { readonly [Key in keyof T]?: Part<T[Key]> } : T;

/** Keys of an object's schema, with those that may come beside them. */
interface ObjectShape {
  readonly entries: Readonly<Record<string, v.GenericSchema>>;
  readonly rest?: v.GenericSchema;
}

const isObjectShape = (schema: object): schema is ObjectShape => "entries" in schema;
const isWrapped = (schema: object): schema is { readonly wrapped: v.GenericSchema } => "wrapped" in schema;

/** What a part may say otherwise than a whole spec: a warm-up below 1 is a share of the run, a limit of 0 is none. */
const OWN: Readonly<Record<string, v.GenericSchema>> = {
  "optimizer.warmup": v.pipe(v.number(), v.minValue(0)),
  "optimizer.clip": v.pipe(v.number(), v.minValue(0)),
};

/** The schema of data of which any part may be absent. */
function partOf(schema: v.GenericSchema, path = ""): v.GenericSchema {
  if (isWrapped(schema)) return partOf(schema.wrapped, path);
  if (!isObjectShape(schema)) return OWN[path] ?? schema;
  const entries = Object.fromEntries(
    Object.entries(schema.entries).map(([key, entry]) => [
      key,
      v.optional(partOf(entry, path ? `${path}.${key}` : key)),
    ]),
  );
  return schema.rest ? v.objectWithRest(entries, schema.rest) : v.strictObject(entries);
}

/** The schema of a part of a {@linkcode RunSpec}: what is chosen of a run, all else being left to model and data. */
export const RunPartSchema: v.GenericSchema<unknown, Part<RunSpec>> = v.pipe(
  partOf(RunSpecSchema),
  v.custom<Part<RunSpec>>(() => true),
);
