export { positive } from "../command/flags.ts";

/** The value of a flag that measures something. Throws a RangeError where it is no number from 0 on. */
export function nonNegative(flag: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && Number.isFinite(value)) return value;
  throw new RangeError(`--${flag} is a number from 0, not "${text}"`);
}

/** The value of a flag that counts something. Throws a RangeError where it is no whole number from `least` (1) on. */
export function wholeNumber(flag: string, text: string, least = 1): number {
  const value = Number(text);
  if (/^-?\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value;
  throw new RangeError(`--${flag} is a whole number from ${least}, not "${text}"`);
}
