/** A count of things: `1 run`, `2 runs`; `many` is the plural of a noun that an s does not make. */
export function plural(count: number, noun: string, many = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : many}`;
}
