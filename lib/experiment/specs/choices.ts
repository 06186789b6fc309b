import { isObject } from "../../text/is_object.ts";

/**
 * A value with each of its choices in turn, which stand in it as lists; a list that stands in a list is a value. Throws a
 * RangeError that names the place of an empty list.
 */
export function expand(value: unknown, path: string): unknown[] {
  if (Array.isArray(value)) {
    if (value.length === 0) throw new RangeError(`Cannot make a grid as its axis ${path || "of specs"} is empty`);
    return value.flatMap((choice) => Array.isArray(choice) ? [choice] : expand(choice, path));
  }
  if (!isObject(value)) return [value];
  return Object.entries(value).reduce<Record<string, unknown>[]>((made, [key, part]) => {
    const choices = expand(part, path ? `${path}.${key}` : key);
    return made.flatMap((parts) => choices.map((choice) => ({ ...parts, [key]: choice })));
  }, [{}]);
}

/** What stands at a place; `undefined` where there is none. */
export function valueAt(value: unknown, keys: readonly string[]): unknown {
  return keys.reduce((at, key) => isObject(at) ? at[key] : undefined, value);
}

/** A copy with another value at a place, which need not have been there. */
export function withValue(value: unknown, keys: readonly string[], part: unknown): unknown {
  if (keys.length === 0) return part;
  const [key, ...rest] = keys;
  const parts = isObject(value) ? value : {};
  return { ...parts, [key]: withValue(parts[key], rest, part) };
}
