import { quoted } from "../../text/quoted.ts";
import { repeatedKey } from "../../io/repeated_key.ts";
import { findColumns } from "./find_columns.ts";
import type { Place, Row } from "./rows.ts";
import { messageOf } from "../../text/message_of.ts";
import { isObject } from "../../text/is_object.ts";

function objectOf(line: string, columns: readonly string[], where: string): Readonly<Record<string, unknown>> {
  const fail = (reason: string, cause?: unknown): never => {
    throw new SyntaxError(`Cannot read ${where} as ${reason}`, { cause });
  };
  if (line.trim() === "") return fail("it is empty");
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    return fail(`it is no JSON: ${messageOf(cause)}`, cause);
  }
  if (!isObject(value)) {
    return fail(`it is no object with columns as its keys, but ${quoted(value)}`);
  }
  // Looking for repeated keys takes as long as all else, so only where one of these may be.
  const mayRepeat = columns.some((column) => {
    const key = JSON.stringify(column);
    return line.indexOf(key) !== line.lastIndexOf(key);
  });
  const key = mayRepeat ? repeatedKey(line) : undefined;
  return key === undefined ? { ...value } : fail(`its key ${quoted(key)} stands there twice`);
}

/** An object that stands on a line. */
export interface JsonRow {
  /** The line, from 1. */
  readonly at: number;
  readonly object: Readonly<Record<string, unknown>>;
}

/**
 * Reads JSON lines: an object a line, in which none of these keys stands twice. Blank lines at the end are no rows.
 *
 * Throws a SyntaxError that names the line and what is wrong with it.
 */
export function* jsonObjects(
  text: string,
  { keys, place }: { readonly keys: readonly string[]; readonly place: Place },
): Generator<JsonRow> {
  for (const [i, line] of text.trimEnd().split("\n").entries()) {
    yield { at: i + 1, object: objectOf(line, keys, place(i + 1)) };
  }
}

/**
 * Reads columns of JSON lines: an object a line, whose keys are the columns. Blank lines at the end are no rows.
 *
 * Throws a SyntaxError that names the line and what is wrong with it.
 */
export function jsonRows(text: string, { columns, place }: { columns: readonly string[]; place: Place }): Row[] {
  return Array.from(jsonObjects(text, { keys: columns, place }), ({ at, object }): Row => {
    if (columns.some((column) => !Object.hasOwn(object, column))) findColumns(columns, Object.keys(object), place(at));
    return { at, cells: columns.map((column) => object[column]) };
  });
}
