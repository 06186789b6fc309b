import type { Structure } from "../tensor/tree.ts";

/** Names of a function's parameters, where its text tells; a number for one that is taken apart. */
function parameterNames(f: (...args: never[]) => unknown, count: number): string[] {
  const [, inside = ""] = f.toString().match(/^(?:async\s+)?(?:function\s*)?[\w$]*\s*\(([^()]*)\)/) ?? [];
  const alone = f.toString().match(/^([\w$]+)\s*=>/)?.[1];
  // What is taken apart holds commas of its own.
  const names = /[{[=]/.test(inside) ? [] : inside.split(",").map((name) => name.trim());
  return Array.from({ length: count }, (_, i) => (i === 0 && alone) || names[i] || String(i));
}

/** Where each leaf of some arguments lies: the parameter's name, then keys and positions. */
export function argumentPaths(f: (...args: never[]) => unknown, structures: readonly Structure[]): string[][] {
  const paths: string[][] = [];
  const visit = (structure: Structure, path: readonly string[]): void => {
    if (structure.kind === "leaf") paths.push([...path]);
    else if (structure.kind === "object") structure.keys.forEach((key, i) => visit(structure.parts[i], [...path, key]));
    else if (structure.kind !== "value") structure.parts.forEach((part, i) => visit(part, [...path, String(i)]));
  };
  const names = parameterNames(f, structures.length);
  structures.forEach((structure, i) => visit(structure, [names[i]]));
  return paths;
}
