import { remainderSource } from "../../kernels/remainder.ts";
import type { TensorLike } from "../tensor/operation_options.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { binary, elementwise } from "./elementwise.ts";
import type { Primitive } from "./primitive.ts";

/** The remainder with the divisor's sign, where JavaScript's `%`, which is exact, has the dividend's. */
function remainder(a: number, b: number): number {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}

/** a − b·⌊a / b⌋. */
export const modPrimitive: Primitive<undefined> = elementwise({
  name: "mod",
  wgsl: ([a, b], { inputs: [dtype], width, type }) =>
    dtype === "f32"
      ? `remainder${width === 4 ? "4" : ""}(${a}, ${b})`
      : dtype === "i32"
      ? `wholeRemainder(${a}, ${b})`
      : `select(${a} % max(${b}, ${type("u32")}(1u)), ${a}, ${b} == ${type("u32")}(0u))`,
  prelude: remainderSource,
  reference: remainder,
  integers: (a, b) => b === 0 ? a : remainder(a, b),
  vjp: ({ inputs: [a, b], output, cotangent, needs }) => [
    cotangent,
    // The quotient is whole, however the difference was rounded.
    needs[1] ? cotangent.mul(a.sub(output).div(b).round()).neg() : undefined,
  ],
});

/**
 * Takes the remainder of a division, `a − b · ⌊a / b⌋`, element by element: it has the sign of the divisor, like
 * Python's `%`, where JavaScript's has that of the dividend. Of f32 it is exact where the signs are equal, however
 * large the quotient, and rounded once else; by 0 it is NaN. Of integers by 0, the dividend stays. Shapes broadcast by
 * NumPy's rule.
 *
 * Throws a TypeError where the operands' dtypes differ or are none of f32, i32 and u32, and a RangeError where their
 * shapes do not broadcast.
 *
 * @see [jax.numpy.mod](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.mod.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.mod(dd.tensor([7, -7, 5.5]), 3).data()); // Float32Array [1, 2, 2.5]
 * ```
 */
export function mod(a: TensorLike, b: TensorLike): Tensor {
  return binary(modPrimitive, a, b);
}
