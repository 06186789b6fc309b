import { requireName } from "../text/nearest.ts";
import type { MethodDescription } from "./method_description.ts";
import * as methods from "./methods.ts";

function isDescription(value: unknown): value is MethodDescription {
  return typeof value === "object" && value !== null && "make" in value && "recipe" in value;
}

/**
 * All methods that there are here, by name: what `methods.ts` exports. Command lines, tables, columns of records and
 * documentation are made of them.
 */
export const METHODS: readonly MethodDescription[] = Object.values<unknown>(methods)
  .filter(isDescription).sort((a, b) => a.name < b.name ? -1 : 1);

/**
 * The method of a name, such as `delta-lora`.
 *
 * Throws a RangeError with the nearest name where there is none.
 */
export function methodNamed(name: string, among: readonly MethodDescription[] = METHODS): MethodDescription {
  const known = requireName("method", name, among.map((one) => one.name));
  return among.find((one) => one.name === known)!;
}
