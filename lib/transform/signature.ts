import { Tensor } from "../tensor/tensor.ts";
import { isRecord, type Structure } from "../tensor/tree.ts";

/** Functions, classes and other objects get numbers by identity, so that a signature can name them. */
const identities = new WeakMap<object, number>();
/** Registered symbols live for ever, and cannot be held weakly. */
const symbols = new Map<symbol, number>();
let identityCount = 0;

function identityOf(value: object | symbol): number {
  const known: { get(key: unknown): number | undefined; set(key: unknown, value: number): unknown } =
    typeof value === "symbol" ? symbols : identities;
  let identity = known.get(value);
  if (identity === undefined) known.set(value, identity = ++identityCount);
  return identity;
}

/** What tells a static value from every other: text in quotes, −0 apart from 0, objects by identity. */
function valueKey(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "bigint":
      return `${value}n`;
    case "symbol":
    case "function":
      return `#${identityOf(value)}`;
    case "object":
      return value === null ? "null" : `#${identityOf(value)}`;
    default:
      return String(value);
  }
}

/** What tells a structure, static values included, from every other. */
export function structureKey(structure: Structure): string {
  switch (structure.kind) {
    case "leaf":
      return "*";
    case "value":
      return valueKey(structure.value);
    case "array":
      return `[${structure.parts.map(structureKey).join()}]`;
    case "opaque":
      return `#${identityOf(structure.node.constructor)}(${structure.parts.map(structureKey).join()})`;
    case "object":
      return `{${structure.keys.map((key, i) => `${JSON.stringify(key)}:${structureKey(structure.parts[i])}`).join()}}`;
  }
}

/**
 * What tells a static argument from every other: plain objects and arrays by what stands in them, functions and objects
 * of classes by identity.
 *
 * Throws a TypeError where a tensor stands in it: its elements would become a part of the plan.
 */
export function staticKey(value: unknown): string {
  if (value instanceof Tensor) {
    throw new TypeError(
      `jit: cannot take ${value} as static, as its elements would become a part of the plan: leave it out of \`static\``,
    );
  }
  if (Array.isArray(value)) return `[${Array.from(value, staticKey).join()}]`;
  if (!isRecord(value)) return valueKey(value);
  return `{${Object.entries(value).map(([key, part]) => `${JSON.stringify(key)}:${staticKey(part)}`).join()}}`;
}
