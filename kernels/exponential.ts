import { isNaNExpression } from "./is_nan.ts";

/** WGSL of e to the power of a value that has a name: NaN of NaN, for which drivers give infinity. `words` is `u32`'s type. */
export function expExpression(value: string, words: string): string {
  return `select(exp(${value}), ${value}, ${isNaNExpression(value, words)})`;
}
