import { quoted } from "../../text/quoted.ts";
import { isObject } from "../../text/is_object.ts";

/** One part of a `tokenizer.json`: its type and its settings. */
export type Part = Readonly<Record<string, unknown>>;

/** A part's setting that is true or false. Throws a TypeError where it is neither, or where it is missing without `usual`. */
export function flagOf(part: Part, name: string, usual?: boolean): boolean {
  const value = part[name] ?? usual;
  if (typeof value !== "boolean") {
    throw new TypeError(`${part.type} has neither true nor false at ${name}: ${quoted(value)}`);
  }
  return value;
}

/** A part's setting that is a text. Throws a TypeError where it is none. */
export function textOf(part: Part, name: string): string {
  const value = part[name];
  if (typeof value !== "string") throw new TypeError(`${part.type} has no text at ${name}: ${quoted(value)}`);
  return value;
}

/** A part's setting that is a list of parts. Throws a TypeError where it is none. */
export function partsOf(part: Part, name: string): Part[] {
  const list = part[name];
  if (!Array.isArray(list)) throw new TypeError(`${part.type} has no list at ${name}`);
  for (const inner of list) {
    if (!isObject(inner)) throw new TypeError(`${part.type} has ${quoted(inner)} in ${name}`);
  }
  return list;
}
