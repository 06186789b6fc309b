import type { DType } from "../tensor/dtype.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { apply, type Primitive } from "./primitive.ts";

const LIMIT = { i32: [-(2 ** 31), 2 ** 31 - 1], u32: [0, 2 ** 32 - 1] } as const;

/** Elements as another dtype. */
export const castPrimitive: Primitive<{ readonly dtype: DType }> = {
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
  vjp: ({ inputs: [x], cotangent }) => [x.dtype === "f32" ? cotangent : undefined],
};

/** Elements as another dtype: floats are cut towards zero, anything but 0 is true. */
export function cast(x: Tensor, dtype: DType): Tensor {
  return x.dtype === dtype ? x : apply(castPrimitive, [x], { dtype });
}
