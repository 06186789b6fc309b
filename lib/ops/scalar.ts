import type { DType } from "../tensor/dtype.ts";
import { formatShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { div, mul } from "./arithmetic.ts";

/** A setting that may be data, with the function that takes it, as errors call them. */
export interface NamedSetting {
  /** The function's name. */
  readonly of: string;
  /** The setting's name. */
  readonly name: string;
  readonly value: number | Tensor;
}

/**
 * Checks a setting that is a number, or a scalar where it is data. Throws a TypeError where a tensor is of another dtype,
 * f32 by default, and a RangeError where it is no scalar.
 */
export function requireScalar({ of, name, value }: NamedSetting, dtype: DType = "f32"): void {
  if (typeof value === "number" || (value.dtype === dtype && value.rank === 0)) return;
  const message = `${of}: ${name} is a number or a scalar in ${dtype}, not ${value.dtype} ${formatShape(value.shape)}`;
  throw value.dtype === dtype ? new RangeError(message) : new TypeError(message);
}

/** A setting that must be a number here. Throws a RangeError where it is data, which says what needs a number. */
export function requireNumber({ of, name, value }: NamedSetting, use: string): number {
  if (typeof value === "number") return value;
  throw new RangeError(
    `${of}: ${use} needs ${name} as a number, and it is a tensor: use a method made of numbers for it`,
  );
}

/** a · b: a number of two numbers, computed in float64, otherwise a scalar. */
export function product(a: number | Tensor, b: number | Tensor): number | Tensor {
  return typeof a === "number" && typeof b === "number" ? a * b : mul(a, b);
}

/** a / b: a number of a number, computed in float64, otherwise a scalar. */
export function quotient(a: number, b: number): number;
export function quotient(a: number | Tensor, b: number): number | Tensor;
export function quotient(a: number | Tensor, b: number): number | Tensor {
  return typeof a === "number" ? a / b : div(a, b);
}
