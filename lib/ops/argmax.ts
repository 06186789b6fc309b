import { formatShape, normalizeAxis } from "../tensor/shape.ts";
import type { AxisOption } from "../tensor/operation_options.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { batchInFront } from "./batching.ts";
import { requireDType } from "./elementwise.ts";
import { argMaxDispatch } from "./kernel_calls.ts";
import { apply, type Primitive } from "./primitive.ts";
import { transpose } from "./reshape.ts";

/** Position of the largest element of each row, the first among equals. */
export const argmaxPrimitive: Primitive<undefined> = {
  name: "argmax",
  infer: ([x]) => ({ shape: x.shape.slice(0, -1), dtype: "i32" }),
  lowering: {
    kind: "kernel",
    emit: ({ inputs: [{ view }] }) => {
      const n = view.shape[view.shape.length - 1];
      const rows = view.shape.slice(0, -1).reduce((product, size) => product * size, 1);
      return { dispatches: [argMaxDispatch(rows, n)] };
    },
  },
  reference([x]) {
    const n = x.shape[x.shape.length - 1];
    return Float64Array.from({ length: x.data.length / n }, (_, row) => {
      let best = 0;
      for (let i = 1; i < n; i++) {
        const [value, top] = [x.data[row * n + i], x.data[row * n + best]];
        if (value > top || (Number.isNaN(value) && !Number.isNaN(top))) best = i;
      }
      return best;
    });
  },
  vjp: () => [undefined],
  batch: (site) => batchInFront(argmaxPrimitive, site),
};

/** Position of the largest element along an axis (the last by default), the first among equals, as i32; NaN is largest. */
export function argmax(x: Tensor, options: AxisOption = {}): Tensor {
  requireDType("argmax", x, ["f32"]);
  const axis = normalizeAxis(options.axis ?? -1, x.rank, "argmax");
  if (x.shape[axis] === 0) throw new RangeError(`argmax: an empty axis of ${formatShape(x.shape)} has none`);
  const last = transpose(x, [...x.shape.keys()].filter((a) => a !== axis).concat(axis));
  return apply(argmaxPrimitive, [last], undefined);
}
