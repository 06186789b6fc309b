import { type DType, holdsNumber, isFloat, wrapNumber } from "../tensor/dtype.ts";
import { formatShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { batchInFront } from "./batching.ts";
import { broadcastTo, commonShape } from "./broadcast.ts";
import { cast } from "./cast.ts";
import type { TensorLike } from "../tensor/operation_options.ts";
import { asTensor } from "./constant.ts";
import { apply, type ExpressionSite, type Primitive, type VjpSite } from "./primitive.ts";

/** What makes an element-wise primitive. */
export interface ElementwiseRules {
  readonly name: string;
  /** WGSL of one element; `$0`, `$1` … stand for the arguments, `$T` for the type of the first. */
  readonly wgsl: string | ((args: readonly string[], site: ExpressionSite) => string);
  /** The same in float64. */
  readonly reference: (...args: number[]) => number;
  /** The same of integers, where it is another rule; what it gives is taken modulo 2³². */
  readonly integers?: (...args: number[]) => number;
  /** Dtype of the result; by default the first argument's. */
  readonly dtype?: DType;
  readonly vjp?: (site: VjpSite<undefined>) => readonly (Tensor | undefined)[];
  /** WGSL functions that the expression calls. */
  readonly prelude?: (width: 1 | 4) => string;
}

/** Makes an element-wise primitive, whose inputs all have the result's shape. */
export function elementwise(rules: ElementwiseRules): Primitive<undefined> {
  const { name, wgsl, reference, integers = reference, dtype, vjp, prelude } = rules;
  const primitive: Primitive<undefined> = {
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
    reference(inputs, _, output) {
      const rule = isFloat(inputs[0].dtype) ? reference : integers;
      return inputs[0].data.map((_, i) => wrapNumber(output.dtype, rule(...inputs.map(({ data }) => data[i]))));
    },
    vjp,
    batch: (site) => batchInFront(primitive, site),
  };
  return primitive;
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

/**
 * Operands of one dtype. A number beside a tensor takes the tensor's dtype where that has such a number. Beside integers,
 * one that it does not have (a fraction, NaN, an infinity, a whole number out of range) makes both f32, as in JAX: nothing
 * is cut. Throws a TypeError for two tensors of different dtypes, and for a number beside bool that is neither 0 nor 1.
 */
export function promote(op: string, a: TensorLike, b: TensorLike): [Tensor, Tensor] {
  const dtype = typeof a === "object" ? a.dtype : typeof b === "object" ? b.dtype : "f32";
  const lost = [a, b].find((operand) => typeof operand === "number" && !holdsNumber(dtype, operand));
  if (lost !== undefined && dtype === "bool") {
    throw new TypeError(`${op}: ${lost} is no bool, and stands beside one: cast(x, "f32") the tensor`);
  }
  const common = lost === undefined ? dtype : "f32";
  const [left, right] = [a, b].map((operand) =>
    typeof operand === "object" && lost !== undefined ? cast(operand, common) : asTensor(operand, common)
  );
  if (left.dtype !== right.dtype) {
    throw new TypeError(`${op}: operands are ${left.dtype} and ${right.dtype}: cast one of them`);
  }
  return [left, right];
}

/** Applies a primitive to operands the way {@linkcode promote} makes them one dtype, stretched to a common shape. */
export function binary(
  primitive: Primitive<undefined>,
  a: TensorLike,
  b: TensorLike,
  allowed: readonly DType[] = ["f32", "i32", "u32"],
): Tensor {
  for (const operand of [a, b]) if (typeof operand === "object") requireDType(primitive.name, operand, allowed);
  const [left, right] = promote(primitive.name, a, b);
  const shape = commonShape(primitive.name, left, right);
  return apply(primitive, [broadcastTo(left, shape), broadcastTo(right, shape)], undefined);
}
