import type { Tensor } from "../tensor/tensor.ts";
import { elementwise, requireDType, unary } from "./elementwise.ts";
import type { Primitive } from "./primitive.ts";

/**
 * A function that rounds to whole numbers: exact, and with the sign of its argument, also where it gives 0. By bits,
 * numbers from 2²³ on, which are whole, infinities and NaN never reach the device's function.
 */
function rounding(name: "floor" | "ceil" | "round", reference: (x: number) => number): Primitive<undefined> {
  return elementwise({
    name,
    wgsl: ([x], { type }) => {
      const [T, U] = [type("f32"), type("u32")];
      const signed = `bitcast<${T}>(bitcast<${U}>(${name}(${x})) | (bitcast<${U}>(${x}) & ${U}(0x80000000u)))`;
      return `select(${signed}, ${x}, (bitcast<${U}>(${x}) & ${U}(0x7fffffffu)) >= ${U}(0x4b000000u))`;
    },
    reference,
    vjp: () => [undefined],
  });
}

/** The nearest whole number; of two that are equally near the even one. */
function halfToEven(x: number): number {
  const below = Math.floor(x);
  const above = x - below;
  const rounded = above < 0.5 || (above === 0.5 && below % 2 === 0) ? below : below + (above > 0 ? 1 : 0);
  return rounded === 0 && (x < 0 || Object.is(x, -0)) ? -0 : rounded;
}

/** ⌊x⌋. */
export const floorPrimitive: Primitive<undefined> = rounding("floor", Math.floor);
/** ⌈x⌉. */
export const ceilPrimitive: Primitive<undefined> = rounding("ceil", Math.ceil);
/** x to the nearest whole number. */
export const roundPrimitive: Primitive<undefined> = rounding("round", halfToEven);

/** Rounds floats; integers are whole. */
function roundWith(primitive: Primitive<undefined>, x: Tensor): Tensor {
  requireDType(primitive.name, x, ["f32", "i32", "u32"]);
  return x.dtype === "f32" ? unary(primitive, x) : x;
}

/**
 * Takes the largest whole number that is not above each element, as f32. Integers stay as they are, and the derivative
 * is 0.
 *
 * Throws a TypeError where `x` is bool or f16.
 *
 * @see [jax.numpy.floor](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.floor.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.floor(dd.tensor([1.7, -1.2, 3])).data()); // Float32Array [1, -2, 3]
 * ```
 */
export function floor(x: Tensor): Tensor {
  return roundWith(floorPrimitive, x);
}

/**
 * Takes the smallest whole number that is not below each element, as f32. Integers stay as they are, and the derivative
 * is 0.
 *
 * Throws a TypeError where `x` is bool or f16.
 *
 * @see [jax.numpy.ceil](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.ceil.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.ceil(dd.tensor([1.2, -1.7, 3])).data()); // Float32Array [2, -1, 3]
 * ```
 */
export function ceil(x: Tensor): Tensor {
  return roundWith(ceilPrimitive, x);
}

/**
 * Rounds each element to the nearest whole number, as f32; one that lies in the middle of two goes to the even one, as
 * in NumPy. Integers stay as they are, and the derivative is 0.
 *
 * Throws a TypeError where `x` is bool or f16.
 *
 * @see [jax.numpy.round](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.round.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.round(dd.tensor([0.5, 1.5, 2.5, -3.7])).data()); // Float32Array [0, 2, 2, -4]
 * ```
 */
export function round(x: Tensor): Tensor {
  return roundWith(roundPrimitive, x);
}
