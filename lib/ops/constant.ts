import { bitsOf, type DType, elementOf, isFloat } from "../tensor/dtype.ts";
import type { TensorLike } from "../tensor/operation_options.ts";
import { Tensor } from "../tensor/tensor.ts";
import { apply, type Primitive } from "./primitive.ts";

/** Parameters of {@linkcode constantPrimitive}. */
export interface ConstantParams {
  readonly value: number;
  readonly dtype: DType;
}

/** A number as a scalar. It reaches kernels as data, so another value needs no other kernel. */
export const constantPrimitive: Primitive<ConstantParams> = {
  name: "constant",
  infer: (_, { dtype }) => ({ shape: [], dtype }),
  lowering: { kind: "constant" },
  // As kernels get it: 0.1 equals the f32 next to it.
  reference: (_, { value, dtype }) => Float64Array.of(dtype === "f32" ? Math.fround(value) : value),
  vjp: () => [],
};

/** A number as a scalar tensor of the given dtype; it becomes an element as in `tensor()`. */
export function constant(value: number, dtype: DType = "f32"): Tensor {
  return apply(constantPrimitive, [], { value: isFloat(dtype) ? value : elementOf(value, dtype), dtype });
}

/** The bits under which a constant is passed to kernels. */
export function constantBits({ value, dtype }: ConstantParams): number {
  return bitsOf(value, dtype);
}

/** A tensor as it is; a number as a scalar of `dtype`. */
export function asTensor(value: TensorLike, dtype: DType): Tensor {
  return value instanceof Tensor
    ? value
    : constant(Number(value), typeof value === "boolean" && dtype !== "f32" ? "bool" : dtype);
}
