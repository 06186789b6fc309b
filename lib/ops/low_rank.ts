import { formatShape } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import { mul } from "./arithmetic.ts";
import { constant } from "./constant.ts";
import { requireDType } from "./elementwise.ts";
import { addLowRankDispatch } from "./kernel_calls.ts";
import { matmul } from "./matmul.ts";
import { apply, type Primitive } from "./primitive.ts";
import { sum } from "./reduce.ts";
import { reshape } from "./reshape.ts";

/** A matrix `scale · left · right` that is never formed: left [m, r], right [r, n]. */
export interface LowRank {
  /** `[m, r]`. */
  readonly left: Tensor;
  /** `[r, n]`. */
  readonly right: Tensor;
  /** Factor before the product: a number, or an f32 scalar that may differ from step to step. */
  readonly scale: Tensor | number;
}

/** W + scale·left·right; W's own bits where scale is 0. */
export const addLowRankPrimitive: Primitive<undefined> = {
  name: "addLowRank",
  infer: ([w]) => w,
  lowering: {
    kind: "kernel",
    inPlace: 0,
    emit: ({ output: { shape: [m, n] }, inputs: [, left], inPlace }) => ({
      dispatches: [addLowRankDispatch({ m, n, r: left.view.shape[1] }, inPlace)],
    }),
  },
  reference([w, left, right, scale]) {
    const [[, n], r] = [w.shape, left.shape[1]];
    return w.data.map((value, i) => {
      let product = 0;
      for (let j = 0; j < r; j++) product += left.data[Math.floor(i / n) * r + j] * right.data[j * n + i % n];
      return scale.data[0] === 0 ? value : value + scale.data[0] * product;
    });
  },
  vjp: ({ inputs: [, left, right, scale], cotangent, needs }) => [
    cotangent,
    needs[1] ? mul(matmul(cotangent, right, { transposeB: true }), scale) : undefined,
    needs[2] ? mul(matmul(left, cotangent, { transposeA: true }), scale) : undefined,
    needs[3] ? sum(mul(cotangent, matmul(left, right))) : undefined,
  ],
};

/**
 * Adds a factored matrix to a dense one without forming the product: W `[m, n]`, left `[m, r]`, right `[r, n]`. The
 * product is summed in f32 before it meets W, as it runs for thousands of steps. At scale 0 the result has W's bits,
 * by select and not by adding 0.
 *
 * Throws a RangeError where the shapes do not fit.
 */
export function addLowRank(w: Tensor, { left, right, scale }: LowRank): Tensor {
  for (const part of [w, left, right]) requireDType("addLowRank", part, ["f32"]);
  const fits = w.rank === 2 && left.rank === 2 && right.rank === 2 && left.shape[0] === w.shape[0] &&
    right.shape[1] === w.shape[1] && left.shape[1] === right.shape[0];
  if (!fits) {
    const [a, b, c] = [w, left, right].map(({ shape }) => formatShape(shape));
    throw new RangeError(`addLowRank: ${b} · ${c} does not fit ${a}`);
  }
  const factor = scale instanceof Tensor ? reshape(scale, []) : constant(scale);
  return apply(addLowRankPrimitive, [w, left, right, factor], undefined);
}
