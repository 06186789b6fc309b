import { powerSource } from "../../kernels/power.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { TensorLike } from "../tensor/operation_options.ts";
import { binary, elementwise } from "./elementwise.ts";
import type { Primitive } from "./primitive.ts";
import { where } from "./where.ts";

/** x to the power y by C99's table, which JavaScript's `**` leaves at a base of ±1. */
function powerReference(x: number, y: number): number {
  return x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : x ** y;
}

/** aᵇ·log a; 0^b does not change with b ≥ 0, which is the limit of 0·log 0. */
function slopeByExponent(a: Tensor, b: Tensor, power: Tensor): Tensor {
  const isFlat = a.equal(0).logicalAnd(b.greaterEqual(0));
  return where(isFlat, 0, power.mul(where(isFlat, 1, a).log()));
}

/** a to the power b. */
export const powPrimitive: Primitive<undefined> = elementwise({
  name: "pow",
  wgsl: (args, { width }) => `power${width === 4 ? "4" : ""}(${args[0]}, ${args[1]})`,
  prelude: powerSource,
  reference: powerReference,
  vjp: ({ inputs: [a, b], output, cotangent, needs }) => [
    // a⁰ does not change with a, 0 included: 0·a⁰, not 0·a⁻¹.
    needs[0] ? cotangent.mul(b.mul(a.pow(where(b.equal(0), 1, b).sub(1)))) : undefined,
    needs[1] ? cotangent.mul(slopeByExponent(a, b, output)) : undefined,
  ],
});

/**
 * Raises the first operand to the power of the second, element by element, in f32. Shapes broadcast by NumPy's rule.
 * Special values follow C99: `x⁰` and `1^y` are 1 whatever the other operand is, NaN included, and a negative base with
 * a fractional exponent gives NaN.
 *
 * Throws a TypeError where an operand is a tensor of another dtype than f32, and a RangeError where their shapes do not
 * broadcast.
 *
 * @see [torch.pow](https://docs.pytorch.org/docs/stable/generated/torch.pow.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.pow(dd.tensor([2, 3, NaN]), dd.tensor([3, -1, 0])).data()); // ≈ Float32Array [8, 0.3333, 1]
 * ```
 */
export function pow(a: TensorLike, b: TensorLike): Tensor {
  return binary(powPrimitive, a, b, ["f32"]);
}
