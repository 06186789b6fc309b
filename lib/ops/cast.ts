import type { DType } from "../tensor/dtype.ts";
import { sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { packHalfDispatch } from "./kernel_calls.ts";
import { apply, type Primitive } from "./primitive.ts";

const LIMIT = { i32: [-(2 ** 31), 2 ** 31 - 1], u32: [0, 2 ** 32 - 1] } as const;

/** Elements as another dtype, neither of them f16. */
export const castPrimitive: Primitive<{ readonly dtype: Exclude<DType, "f16"> }> = {
  name: "cast",
  infer: ([x], { dtype }) => ({ shape: x.shape, dtype }),
  lowering: {
    kind: "map",
    expression: ([x], { inputs: [from], output, type }) =>
      output === "bool" ? `(${x} != ${type(from)}())` : `${type(output)}(${x})`,
  },
  reference([x], { dtype }) {
    if (dtype === "f32") return x.data;
    if (dtype === "bool") return x.data.map((value) => value === 0 ? 0 : 1);
    const [low, high] = LIMIT[dtype];
    return x.data.map((value) => Math.min(high, Math.max(low, Math.trunc(value))));
  },
  vjp: ({ params: { dtype }, cotangent }) => [dtype === "f32" ? cotangent : undefined],
};

/** Elements of f16 as f32: nothing is computed, as kernels read f16 as f32 wherever it lies. */
export const widenPrimitive: Primitive<undefined> = {
  name: "widen",
  infer: ([x]) => ({ shape: x.shape, dtype: "f32" }),
  lowering: { kind: "view", view: (view) => view },
  reference: ([x]) => x.data,
  vjp: ({ cotangent }) => [cotangent],
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
};

/**
 * Elements as another dtype: floats are cut towards zero, anything but 0 is true, and of f16 there is the nearest one,
 * infinite from 65,520 on. What is stored in f16 takes half the memory; products by it and look-ups of its rows read it
 * where it lies, all other operations ask for `cast(x, "f32")`, which makes no copy where element-wise work follows.
 */
export function cast(x: Tensor, dtype: DType): Tensor {
  if (x.dtype === dtype) return x;
  if (dtype === "f16") return apply(packHalfPrimitive, [cast(x, "f32")], undefined);
  if (x.dtype !== "f16") return apply(castPrimitive, [x], { dtype });
  return cast(apply(widenPrimitive, [x], undefined), dtype);
}
