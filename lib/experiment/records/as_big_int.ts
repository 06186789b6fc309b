/** An integer as writers of tables take one of 64 bits. */
export function asBigInt(value: unknown): bigint | null {
  return typeof value === "number" || typeof value === "bigint" ? BigInt(value) : null;
}
