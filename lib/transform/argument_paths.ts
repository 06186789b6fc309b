import type { Structure } from "../tensor/tree.ts";

/**
 * Where each leaf of some arguments lies: the argument's name, or `arguments[0]` where it has none, then keys and
 * positions.
 */
export function argumentPaths(structures: readonly Structure[], names: readonly string[] = []): string[][] {
  const paths: string[][] = [];
  const visit = (structure: Structure, path: readonly string[]): void => {
    if (structure.kind === "leaf") paths.push([...path]);
    else if (structure.kind === "object") structure.keys.forEach((key, i) => visit(structure.parts[i], [...path, key]));
    else if (structure.kind !== "value") structure.parts.forEach((part, i) => visit(part, [...path, String(i)]));
  };
  structures.forEach((structure, i) => visit(structure, [names[i] ?? `arguments[${i}]`]));
  return paths;
}
