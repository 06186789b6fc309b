import * as v from "valibot";
import { nearest } from "../../text/nearest.ts";

type Issue = v.BaseIssue<unknown>;

/** What a schema of Valibot has on it, as far as its keys go. */
export interface Shape {
  readonly type?: string;
  readonly entries?: Readonly<Record<string, Shape>>;
  readonly wrapped?: Shape;
}

function shapeAt(schema: Shape, path: readonly string[]): Shape | undefined {
  return path.reduce<Shape | undefined>((at, key) => {
    const entry = at?.entries?.[key];
    return entry?.wrapped ?? entry;
  }, schema);
}

/** Dotted paths to everything that a schema of objects names, objects themselves included. */
export function pathsOf(schema: Shape): string[] {
  const visit = (shape: Shape): string[] =>
    Object.entries(shape.entries ?? {}).flatMap(([key, entry]) => [
      key,
      ...visit(entry.wrapped ?? entry).map((inner) => `${key}.${inner}`),
    ]);
  return visit(schema);
}

const isUnknownKey = ({ expected, type }: Issue) => expected === "never" && type === "strict_object";

function choices(names: readonly string[], word: string): string {
  return `did you mean "${nearest(word, names)}"? There are ${names.join(", ")}`;
}

function explain(schema: Shape, issue: Issue): string {
  const { expected, input, message } = issue;
  if (isUnknownKey(issue)) {
    const path = issue.path!.map(({ key }) => String(key));
    const entries = Object.keys(shapeAt(schema, path.slice(0, -1))?.entries ?? {});
    const word = path[path.length - 1];
    return entries.length > 0 ? `there is no such key: ${choices(entries, word)}` : "there is no such key";
  }
  if (issue.type === "strict_object" && input === undefined) return "it is missing";
  if ((issue.type === "picklist" || issue.type === "literal") && typeof input === "string") {
    const names = Array.from(expected?.matchAll(/"([^"]*)"/g) ?? [], ([, name]) => name);
    if (names.length > 0) return `"${input}" is unknown: ${choices(names, input)}`;
  }
  return message;
}

/** What is wrong with a value that a schema refused, in words, and the keys that lead there. */
export interface SpecFault {
  readonly message: string;
  readonly keys: readonly (string | number)[];
}

const isKey = (key: unknown): key is string | number => typeof key === "string" || typeof key === "number";

/**
 * What is wrong with a value that a schema refused: the place, what was expected there, and for keys and names that there
 * are not the nearest one. An unknown key comes before all else, as it may be what another place misses.
 */
export function specFault(schema: Shape, issues: readonly [Issue, ...Issue[]]): SpecFault {
  const issue = issues.find(isUnknownKey) ?? issues[0];
  return {
    message: `wrong at ${v.getDotPath(issue) ?? "its root"}: ${explain(schema, issue)}`,
    keys: (issue.path ?? []).map(({ key }) => key).filter(isKey),
  };
}
