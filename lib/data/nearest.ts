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

/** The name that differs least from a mistyped one, whatever its capitals; the first of those that differ alike. */
export function nearest(word: string, names: readonly string[]): string {
  const far = (name: string) => distance(word.toLowerCase(), name.toLowerCase());
  return [...names].sort((a, b) => far(a) - far(b))[0];
}

/** Throws a RangeError that names the nearest one where a name is not among those there are. */
export function requireName<Name extends string>(kind: string, word: string, names: readonly Name[]): Name {
  const found = names.find((name) => name === word);
  if (found !== undefined) return found;
  throw new RangeError(
    `unknown ${kind} "${word}": did you mean "${nearest(word, names)}"? There are ${names.join(", ")}`,
  );
}
