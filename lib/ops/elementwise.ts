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
 * Operands of one dtype, that of the first tensor. A number beside tensors takes it where it has such a number. Beside
 * integers, one that it does not have (a fraction, NaN, an infinity, a whole number out of range) makes all of them f32, as
 * in JAX: nothing is cut. Throws a TypeError for tensors of different dtypes, and for a number beside bool that is neither 0
 * nor 1.
 */
export function promoteAll(op: string, operands: readonly TensorLike[]): Tensor[] {
  const dtype = operands.find((operand) => typeof operand === "object")?.dtype ?? "f32";
  const lost = operands.find((operand) => typeof operand === "number" && !holdsNumber(dtype, operand));
  if (lost !== undefined && dtype === "bool") {
    throw new TypeError(`${op}: ${lost} is no bool, and stands beside one: cast(x, "f32") the tensor`);
  }
  const common = lost === undefined ? dtype : "f32";
  const promoted = operands.map((operand) => {
    if (typeof operand !== "object") return asTensor(operand, common);
    return operand.dtype === dtype && dtype !== common ? cast(operand, common) : operand;
  });
  const other = promoted.find((operand) => operand.dtype !== promoted[0].dtype);
  if (other) throw new TypeError(`${op}: operands are ${promoted[0].dtype} and ${other.dtype}: cast one of them`);
  return promoted;
}

/** {@linkcode promoteAll} of two. */
export function promote(op: string, a: TensorLike, b: TensorLike): [Tensor, Tensor] {
  const [left, right] = promoteAll(op, [a, b]);
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
