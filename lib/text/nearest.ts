import { quoted } from "./quoted.ts";

/** Edits (insertions, deletions, exchanges) that turn one word into another. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length];
}

/** Names are shorter: of a damaged file's words, which may be millions of letters, the beginning is enough. */
const LONGEST = 100;

/**
 * Names in the order of their distance from a mistyped one, whatever their capitals; those as far as each other stay in
 * their order. A name may have several spellings, of which the nearest counts: the endings of a path, say.
 */
export function byDistance(
  word: string,
  names: readonly string[],
  spellings: (name: string) => readonly string[] = (name) => [name],
): string[] {
  const start = word.slice(0, LONGEST).toLowerCase();
  const far = (name: string) =>
    Math.min(...spellings(name).map((one) => distance(start, one.slice(0, LONGEST).toLowerCase())));
  return names.map((name) => ({ name, far: far(name) })).sort((a, b) => a.far - b.far).map(({ name }) => name);
}

/**
 * The name that differs least from a mistyped one, whatever its capitals, by insertions, deletions and exchanges of
 * letters; the first of those that differ alike.
 *
 * @example
 * ```ts
 * import { nearest } from "@delta-dawn/delta-lora/experiment";
 *
 * console.log(nearest("delta-lra", ["lora", "delta-lora", "adalora"])); // delta-lora
 * ```
 */
export function nearest(word: string, names: readonly string[]): string {
  return byDistance(word, names)[0];
}

/** The name that a word is likely meant to be: one or two edits away, or fewer, of a word long enough to tell. */
export function misspelt(word: string, names: readonly string[], edits = 2): string | undefined {
  if (word.length < 6 || word.length > LONGEST || names.length === 0) return undefined;
  const name = nearest(word, names);
  return distance(word.toLowerCase(), name.toLowerCase()) <= edits ? name : undefined;
}

/**
 * The name itself, where it is among those that there are.
 *
 * Throws a RangeError that names the nearest one where it is not.
 *
 * @example
 * ```ts
 * import { requireName } from "@delta-dawn/delta-lora/experiment";
 *
 * console.log(requireName("method", "lora", ["lora", "delta-lora"])); // lora
 * ```
 */
export function requireName<Name extends string>(kind: string, word: string, names: readonly Name[]): Name {
  const found = names.find((name) => name === word);
  if (found !== undefined) return found;
  throw new RangeError(
    `unknown ${kind} ${quoted(word)}: did you mean "${nearest(word, names)}"? There are ${names.join(", ")}`,
  );
}
