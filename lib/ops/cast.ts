import { isNaNExpression } from "../../kernels/is_nan.ts";
import { type DType, isFloat, WHOLE_RANGE, wrapNumber } from "../tensor/dtype.ts";
import { sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { packHalfDispatch } from "./kernel_calls.ts";
import { apply, type Primitive } from "./primitive.ts";

/**
 * f32 as whole numbers: cut, the nearest there is where out of range, 0 for NaN. WGSL says so of all but NaN; here it is
 * written out, as drivers follow it loosely. The bounds are the last f32 that can be converted.
 */
const WHOLE = {
  i32: { low: "-2147483648.0", high: "2147483520.0", end: "2147483648.0", greatest: "2147483647" },
  u32: { low: "0.0", high: "4294967040.0", end: "4294967296.0", greatest: "4294967295u" },
};

function toWhole(x: string, dtype: "i32" | "u32", type: (dtype: DType) => string): string {
  const { low, high, end, greatest } = WHOLE[dtype];
  const [float, whole] = [type("f32"), type(dtype)];
  const inside = `${whole}(clamp(${x}, ${float}(${low}), ${float}(${high})))`;
  const bounded = `select(${inside}, ${whole}(${greatest}), ${x} >= ${float}(${end}))`;
  return `select(${bounded}, ${whole}(), ${isNaNExpression(x, type("u32"))})`;
}

/** Elements as another dtype, neither of them f16. */
export const castPrimitive: Primitive<{ readonly dtype: Exclude<DType, "f16"> }> = {
  name: "cast",
  infer: ([x], { dtype }) => ({ shape: x.shape, dtype }),
  lowering: {
    kind: "map",
    expression([x], { inputs: [from], output, type }) {
      // NaN is not 0, which `!=` denies on every device.
      if (output === "bool") return `(!(${x} == ${type(from)}()))`;
      return from === "f32" && output !== "f32" && output !== "f16"
        ? toWhole(x, output, type)
        : `${type(output)}(${x})`;
    },
  },
  reference([x], { dtype }) {
    if (dtype === "f32") return x.data;
    if (dtype === "bool") return x.data.map((value) => value === 0 ? 0 : 1);
    if (!isFloat(x.dtype)) return x.data.map((value) => wrapNumber(dtype, value));
    const [low, high] = WHOLE_RANGE[dtype];
    return x.data.map((value) => Number.isNaN(value) ? 0 : Math.min(high, Math.max(low, Math.trunc(value))) + 0);
  },
  vjp: ({ params: { dtype }, cotangent }) => [dtype === "f32" ? cotangent : undefined],
  batch: ({ inputs, params }) => apply(castPrimitive, inputs, params),
};

/** Elements of f16 as f32: nothing is computed, as kernels read f16 as f32 wherever it lies. */
export const widenPrimitive: Primitive<undefined> = {
  name: "widen",
  infer: ([x]) => ({ shape: x.shape, dtype: "f32" }),
  lowering: { kind: "view", view: (view) => view },
  reference: ([x]) => x.data,
  vjp: ({ cotangent }) => [cotangent],
  batch: ({ inputs, params }) => apply(widenPrimitive, inputs, params),
};

/** Elements of f32 as the nearest f16, ties to even; the derivative takes no notice of the rounding. */
export const packHalfPrimitive: Primitive<undefined> = {
  name: "packHalf",
  infer: ([x]) => ({ shape: x.shape, dtype: "f16" }),
  lowering: {
    kind: "kernel",
    emit: ({ output }) => ({ dispatches: [packHalfDispatch(sizeOf(output.shape))] }),
  },
  reference: ([x]) => Float64Array.from(new Float16Array(x.data)),
  vjp: ({ cotangent }) => [cotangent],
  batch: ({ inputs, params }) => apply(packHalfPrimitive, inputs, params),
};

/**
 * Converts the elements of a tensor to another dtype. A tensor that has it already is given back as it is.
 *
 * - Floats become integers cut towards zero, the nearest integer that there is where they are out of range, and 0 where
 *   they are NaN.
 *
 * - i32 and u32 become each other modulo 2³².
 *
 * - Anything but 0 becomes true, NaN too; true becomes 1.
 *
 * - f32 becomes the nearest f16, ties to even, infinite from 65,520 on. An f16 tensor takes half the memory; products
 *   by it and look-ups of its rows read it where it lies, and all other operations ask for `cast(x, "f32")`, which
 *   makes no copy where element-wise work follows.
 *
 * Derivatives pass between f32 and f16, and stop at all other dtypes.
 *
 * @see [jax.numpy.astype](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.astype.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([2.9, -2.9, NaN]);
 * console.log(await dd.cast(x, "i32").data()); // Int32Array [2, -2, 0]
 * console.log(await x.astype("bool").data()); // Uint32Array [1, 1, 1]
 * ```
 */
export function cast(x: Tensor, dtype: DType): Tensor {
  if (x.dtype === dtype) return x;
  if (dtype === "f16") return apply(packHalfPrimitive, [cast(x, "f32")], undefined);
  if (x.dtype !== "f16") return apply(castPrimitive, [x], { dtype });
  return cast(apply(widenPrimitive, [x], undefined), dtype);
}
