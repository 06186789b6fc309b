import type { Combine } from "../../kernels/fused.ts";
import { isFloat, wrapNumber } from "../tensor/dtype.ts";
import { sizeOf } from "../tensor/shape.ts";
import { contiguousStrides } from "../tensor/view.ts";
import { apply, type Primitive } from "./primitive.ts";

/** Parameters of the reductions: axes that go, ascending. */
export interface ReduceParams {
  readonly axes: readonly number[];
  /** How many axes in front go from cell to cell; none by default. */
  readonly cellAxes?: number;
}

const COMBINE = {
  sum: (a: number, b: number) => a + b,
  prod: (a: number, b: number) => a * b,
  max: (a: number, b: number) => (Number.isNaN(a) ? a : b > a || Number.isNaN(b) ? b : a),
  min: (a: number, b: number) => (Number.isNaN(a) ? a : b < a || Number.isNaN(b) ? b : a),
};
const FIRST = { sum: 0, prod: 1, max: -Infinity, min: Infinity };

/** Makes a reduction, whose derivative is given apart: as a rule, or by what else has its value. */
export function reducePrimitive(
  combine: Combine,
  derivative: Pick<Primitive<ReduceParams>, "vjp" | "decompose">,
): Primitive<ReduceParams> {
  const primitive: Primitive<ReduceParams> = {
    name: combine,
    infer: ([x], { axes }) => ({ shape: x.shape.filter((_, axis) => !axes.includes(axis)), dtype: x.dtype }),
    lowering: { kind: "reduce", combine, axes: ({ axes }) => axes, cellAxes: ({ cellAxes = 0 }) => cellAxes },
    reference([x], { axes }, output) {
      const result = new Float64Array(sizeOf(output.shape)).fill(FIRST[combine]);
      const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
      const from = contiguousStrides(x.shape);
      const to = contiguousStrides(output.shape);
      // Products of integers lose digits in float64.
      const rule = combine === "prod" && !isFloat(x.dtype) ? Math.imul : COMBINE[combine];
      x.data.forEach((value, i) => {
        let position = 0;
        kept.forEach((axis, k) => position += (Math.floor(i / from[axis]) % x.shape[axis]) * to[k]);
        result[position] = rule(result[position], value);
      });
      return result.map((value) => wrapNumber(output.dtype, value));
    },
    ...derivative,
    batch: ({ inputs, params: { axes, cellAxes = 0 } }) =>
      apply(primitive, inputs, { axes: axes.map((axis) => axis + 1), cellAxes: cellAxes + 1 }),
  };
  return primitive;
}
