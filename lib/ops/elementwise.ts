import type { DType } from "../tensor/dtype.ts";
import { formatShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { broadcastTo, commonShape } from "./broadcast.ts";
import { asTensor, type TensorLike } from "./constant.ts";
import { apply, type ExpressionSite, type Primitive, type VjpSite } from "./primitive.ts";

/** What makes an element-wise primitive. */
export interface ElementwiseRules {
  readonly name: string;
  /** WGSL of one element; `$0`, `$1` … stand for the arguments, `$T` for the type of the first. */
  readonly wgsl: string | ((args: readonly string[], site: ExpressionSite) => string);
  /** The same in float64. */
  readonly reference: (...args: number[]) => number;
  /** Dtype of the result; by default the first argument's. */
  readonly dtype?: DType;
  readonly vjp?: (site: VjpSite<undefined>) => readonly (Tensor | undefined)[];
  /** WGSL functions that the expression calls. */
  readonly prelude?: (width: 1 | 4) => string;
}

/** Makes an element-wise primitive, whose inputs all have the result's shape. */
export function elementwise(rules: ElementwiseRules): Primitive<undefined> {
  const { name, wgsl, reference, dtype, vjp, prelude } = rules;
  return {
    name,
    infer: ([x]) => ({ shape: x.shape, dtype: dtype ?? x.dtype }),
    lowering: {
      kind: "map",
      expression: (args, site) =>
        typeof wgsl === "function"
          ? wgsl(args, site)
          : wgsl.replace(/\$(\d|T)/g, (_, key) => key === "T" ? site.type(site.inputs[0]) : args[Number(key)]),
      prelude,
    },
    reference: (inputs) => inputs[0].data.map((_, i) => reference(...inputs.map((input) => input.data[i]))),
    vjp,
  };
}

/** Throws a TypeError where a tensor's dtype is not among the allowed ones. */
export function requireDType(op: string, x: Tensor, allowed: readonly DType[]): void {
  if (!allowed.includes(x.dtype)) {
    throw new TypeError(
      `${op}: needs ${allowed.join(" or ")}, and got ${x.dtype} ${formatShape(x.shape)}: cast(x, "${allowed[0]}")?`,
    );
  }
}

/** How a kernel reads an operand of a float dtype. */
export function storedAs(dtype: DType): "f32" | "f16" {
  return dtype === "f16" ? "f16" : "f32";
}

/** Applies a primitive to one tensor of an allowed dtype. */
export function unary(primitive: Primitive<undefined>, x: Tensor, allowed: readonly DType[] = ["f32"]): Tensor {
  requireDType(primitive.name, x, allowed);
  return apply(primitive, [x], undefined);
}

/** Applies a primitive to operands of one dtype, stretched to a common shape; a number takes the tensor's dtype. */
export function binary(
  primitive: Primitive<undefined>,
  a: TensorLike,
  b: TensorLike,
  allowed: readonly DType[] = ["f32", "i32", "u32"],
): Tensor {
  const dtype = typeof a === "object" ? a.dtype : typeof b === "object" ? b.dtype : "f32";
  const left = asTensor(a, dtype);
  const right = asTensor(b, dtype);
  if (left.dtype !== right.dtype) {
    throw new TypeError(`${primitive.name}: operands are ${left.dtype} and ${right.dtype}: cast one of them`);
  }
  requireDType(primitive.name, left, allowed);
  const shape = commonShape(primitive.name, left, right);
  return apply(primitive, [broadcastTo(left, shape), broadcastTo(right, shape)], undefined);
}
