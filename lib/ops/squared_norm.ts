import { squaredNormChunks, squaredNormDispatch, sumPartials } from "../../kernels/squared_norm.ts";
import { sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { invertView } from "../tensor/view.ts";
import { mul } from "./arithmetic.ts";
import { zeros } from "./constant.ts";
import { requireDType } from "./elementwise.ts";
import { apply, type Dispatch, type Primitive } from "./primitive.ts";

/** Arrays that one kernel reads: with its output at most 8 storage buffers. */
const ARRAYS = 7;

/** The sum of the squares of all elements of several tensors. */
export const squaredNormPrimitive: Primitive<undefined> = {
  name: "squaredNorm",
  infer: () => ({ shape: [], dtype: "f32" }),
  lowering: {
    kind: "kernel",
    // In whatever order the elements lie: a transposed gradient need not be copied.
    accepts: (input, views) => invertView(views[input]) !== undefined,
    emit({ inputs }) {
      const sizes = inputs.map(({ view }) => sizeOf(view.shape));
      const dispatches: Dispatch[] = [];
      let partials = 0;
      for (let first = 0; first < sizes.length; first += ARRAYS) {
        const part = sizes.slice(first, first + ARRAYS);
        dispatches.push({
          ...squaredNormDispatch(part, partials),
          buffers: [...part.map((_, i) => ({ input: first + i })), { scratch: 0 }],
        });
        partials += part.reduce((sum, size) => sum + squaredNormChunks(size), 0);
      }
      dispatches.push({
        kernel: sumPartials(),
        grid: [1, 1, 1],
        uniforms: Uint32Array.of(partials, 0, 0, 0),
        buffers: [{ scratch: 0 }, "output"],
      });
      return { dispatches, scratch: [4 * partials] };
    },
  },
  reference: (inputs) => Float64Array.of(inputs.reduce((sum, { data }) => data.reduce((s, x) => s + x * x, sum), 0)),
  vjp: ({ inputs, cotangent, needs }) => inputs.map((x, i) => needs[i] ? mul(mul(x, 2), cotangent) : undefined),
};

/** The sum of the squares of all elements of several f32 tensors, a scalar: a few dispatches, however many there are. */
export function squaredNorm(tensors: readonly Tensor[]): Tensor {
  const parts = tensors.filter(({ size }) => size > 0);
  for (const part of parts) requireDType("squaredNorm", part, ["f32"]);
  return parts.length === 0 ? zeros([]) : apply(squaredNormPrimitive, parts, undefined);
}
