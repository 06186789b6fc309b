import type { DType } from "../tensor/dtype.ts";
import { requireCount } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { cast } from "./cast.ts";
import { equal } from "./compare.ts";
import { requireDType } from "./elementwise.ts";
import { apply, type Primitive } from "./primitive.ts";
import { expandDims } from "./reshape.ts";

/** 0, 1, 2 … */
export const arangePrimitive: Primitive<{ readonly count: number; readonly dtype: DType }> = {
  name: "arange",
  infer: (_, { count, dtype }) => ({ shape: [count], dtype }),
  lowering: { kind: "map", expression: (_, { index, output, type }) => `${type(output)}(${index})` },
  reference: (_, { count }) => Float64Array.from({ length: count }, (_, i) => i),
  vjp: () => [],
};

/** The numbers from 0 to `count − 1`, `i32` by default. */
export function arange(count: number, options: { readonly dtype?: DType } = {}): Tensor {
  return apply(arangePrimitive, [], { count, dtype: options.dtype ?? "i32" });
}

/** Rows of zeros with a one at each id: `[...] → [..., depth]` in f32; a row of zeros for an id outside. */
export function oneHot(ids: Tensor, depth: number): Tensor {
  requireDType("oneHot", ids, ["i32", "u32"]);
  requireCount("oneHot", "the depth", depth);
  return cast(equal(expandDims(ids, -1), arange(depth, { dtype: ids.dtype })), "f32");
}
