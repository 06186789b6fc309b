/** A value in JSON for a message: of a long one, the beginning. */
export function quoted(value: unknown): string {
  const text = JSON.stringify(value, (_, part) => typeof part === "bigint" ? Number(part) : part) ?? "nothing";
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
