import { nearest, requireName } from "../../lib/text/nearest.ts";

/** Names of a command's flags. */
export interface Flags {
  /** Those that are there or not. */
  readonly boolean: readonly string[];
  /** Those that take a value. */
  readonly string: readonly string[];
}

/** For `unknown` of `parseArgs`: throws a RangeError that names the nearest flag. Words without a dash pass. */
export function refuseUnknown({ boolean, string }: Flags): (word: string, key?: string) => boolean {
  return (word, key) => {
    if (key === undefined) return true;
    throw new RangeError(`unknown flag ${word}: did you mean --${nearest(key, [...boolean, ...string])}? See --help`);
  };
}

/** Throws a RangeError where a flag lacks its value, or has one that it does not take. */
export function checkValues(args: readonly string[], { boolean, string }: Flags): void {
  args.forEach((word, i) => {
    const [, name, value] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    if (name === undefined) return;
    if (boolean.includes(name) && value !== undefined) throw new RangeError(`--${name} takes no value: see --help`);
    const next = args[i + 1];
    const isMissing = value === undefined ? next === undefined || next === "" || next.startsWith("-") : value === "";
    if (string.includes(name) && isMissing) throw new RangeError(`--${name} needs a value: see --help`);
  });
}

/** The value of a flag that counts something. Throws a RangeError where it is no whole number from `least` (1) on. */
export function wholeNumber(flag: string, text: string, least = 1): number {
  const value = Number(text);
  const form = least < 0 ? /^-?\d+$/ : /^\d+$/;
  if (!form.test(text) || !Number.isSafeInteger(value) || value < least) {
    throw new RangeError(`--${flag} is a whole number from ${least}, not "${text}"`);
  }
  return value;
}

/** The value of a flag that measures something. Throws a RangeError where it is no number above 0. */
export function positive(flag: string, text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new RangeError(`--${flag} is a number above 0, not "${text}"`);
  return value;
}

/** The value of a flag that measures something and may be 0. Throws a RangeError where it is no number from 0 on. */
export function nonNegative(flag: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && Number.isFinite(value)) return value;
  throw new RangeError(`--${flag} is a number from 0, not "${text}"`);
}

/** The value of a flag that is a share. Throws a RangeError where it is not in [0, 1). */
export function rate(flag: string, text: string): number {
  const value = nonNegative(flag, text);
  if (value >= 1) throw new RangeError(`--${flag} is a rate below 1, not "${text}"`);
  return value;
}

/** The value of a flag that lists names, each once; `all` stands for all of them. Throws a RangeError that names the nearest. */
export function nameList<Name extends string>(kind: string, text: string, known: readonly Name[]): Name[] {
  if (text === "all") return [...known];
  return [...new Set(text.split(",").map((word) => requireName(kind, word.trim(), known)))];
}
