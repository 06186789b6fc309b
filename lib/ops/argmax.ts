import { formatShape, normalizeAxis, sizeOf } from "../tensor/shape.ts";
import type { AxisOption } from "../tensor/operation_options.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { batchInFront } from "./batching.ts";
import { requireDType } from "./elementwise.ts";
import { argDispatch } from "./kernel_calls.ts";
import { apply, type Primitive } from "./primitive.ts";
import { transpose } from "./reshape.ts";

/** Position of the largest or smallest element of each row, the first among equals. */
function extremumPlace(find: "max" | "min"): Primitive<undefined> {
  const isBeyond = (a: number, b: number) => find === "max" ? a > b : a < b;
  const primitive: Primitive<undefined> = {
    name: `arg${find}`,
    infer: ([x]) => ({ shape: x.shape.slice(0, -1), dtype: "i32" }),
    lowering: {
      kind: "kernel",
      emit: ({ inputs: [{ view }] }) => {
        const n = view.shape[view.shape.length - 1];
        return { dispatches: [argDispatch(find, sizeOf(view.shape.slice(0, -1)), n)] };
      },
    },
    reference([x]) {
      const n = x.shape[x.shape.length - 1];
      return Float64Array.from({ length: x.data.length / n }, (_, row) => {
        let best = 0;
        for (let i = 1; i < n; i++) {
          const [value, top] = [x.data[row * n + i], x.data[row * n + best]];
          if (isBeyond(value, top) || (Number.isNaN(value) && !Number.isNaN(top))) best = i;
        }
        return best;
      });
    },
    vjp: () => [undefined],
    batch: (site) => batchInFront(primitive, site),
  };
  return primitive;
}

/** Position of the largest element of each row, the first among equals. */
export const argmaxPrimitive: Primitive<undefined> = extremumPlace("max");
/** Position of the smallest element of each row, the first among equals. */
export const argminPrimitive: Primitive<undefined> = extremumPlace("min");

function placeAlong(primitive: Primitive<undefined>, x: Tensor, options: AxisOption): Tensor {
  requireDType(primitive.name, x, ["f32"]);
  const axis = normalizeAxis(options.axis ?? -1, x.rank, primitive.name);
  if (x.shape[axis] === 0) throw new RangeError(`${primitive.name}: an empty axis of ${formatShape(x.shape)} has none`);
  const last = transpose(x, [...x.shape.keys()].filter((a) => a !== axis).concat(axis));
  return apply(primitive, [last], undefined);
}

/**
 * Finds the position of the largest element along an axis, the last by default, as i32: the axis goes, `[..., n] →
 * [...]`. Among equals it is the first one's, and NaN is larger than any number. There is no derivative.
 *
 * Throws a TypeError where `x` is not f32, and a RangeError where the axis does not exist, or is empty.
 *
 * @see [jax.numpy.argmax](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.argmax.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const logits = dd.tensor([[0.1, 0.7, 0.2], [5, 1, 5]]);
 * console.log(await dd.argmax(logits).data()); // Int32Array [1, 0]
 * ```
 */
export function argmax(x: Tensor, options: AxisOption = {}): Tensor {
  return placeAlong(argmaxPrimitive, x, options);
}

/**
 * Finds the position of the smallest element along an axis, the last by default, as i32: the axis goes, `[..., n] →
 * [...]`. Among equals it is the first one's, and NaN is smaller than any number. There is no derivative.
 *
 * Throws a TypeError where `x` is not f32, and a RangeError where the axis does not exist, or is empty.
 *
 * @see [jax.numpy.argmin](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.argmin.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const losses = dd.tensor([[0.4, 0.1, 0.3], [2, 1, 1]]);
 * console.log(await dd.argmin(losses).data()); // Int32Array [1, 1]
 * ```
 */
export function argmin(x: Tensor, options: AxisOption = {}): Tensor {
  return placeAlong(argminPrimitive, x, options);
}
