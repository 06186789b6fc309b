/** Values as a list in words, each of them once: `3, 1`. */
export function distinct(values: readonly (string | number)[]): string {
  return [...new Set(values)].join(", ");
}
