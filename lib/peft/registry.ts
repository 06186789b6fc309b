import { requireName } from "../text/nearest.ts";
import type { MethodDescription } from "./method_description.ts";
import * as methods from "./methods.ts";

function isDescription(value: unknown): value is MethodDescription {
  return typeof value === "object" && value !== null && "make" in value && "recipe" in value;
}

/**
 * All methods that are here, in the order of their names. Command lines, tables, columns of records and documentation
 * are made of them.
 */
export const METHODS: readonly MethodDescription[] = Object.values<unknown>(methods)
  .filter(isDescription).sort((a, b) => a.name < b.name ? -1 : 1);

/**
 * The description of the method of a name, such as `delta-lora`, among `METHODS` or others that are given.
 *
 * Throws a RangeError that names the nearest one where there is none.
 *
 * @example
 * ```ts
 * import { peft } from "@delta-dawn/delta-lora";
 *
 * const { summary, recipe } = peft.methodNamed("rslora");
 * console.log(summary); // LoRA whose product weighs α/√r, so that its share does not shrink as the rank grows
 * console.log(recipe.learningRate); // 0.002
 * ```
 */
export function methodNamed(name: string, among: readonly MethodDescription[] = METHODS): MethodDescription {
  const known = requireName("method", name, among.map((one) => one.name));
  return among.find((one) => one.name === known)!;
}
