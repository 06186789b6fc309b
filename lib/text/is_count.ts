/** Whether a value that was read is a whole number from 0 that f64 holds exactly: an id, a size, a place. */
export function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
