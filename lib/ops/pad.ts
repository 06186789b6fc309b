import { holdsNumber } from "../tensor/dtype.ts";
import type { PadOptions } from "../tensor/operation_options.ts";
import { formatShape, requireCount } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { requireDType } from "./elementwise.ts";
import { full } from "./full.ts";
import { apply } from "./primitive.ts";
import { padPrimitive } from "./slice.ts";

/** How many elements are added before and after each axis. */
function widthsOf(x: Tensor, width: PadOptions["width"]): (readonly [before: number, after: number])[] {
  const list = typeof width === "number" ? x.shape.map(() => width) : width;
  if (list.length !== x.rank) {
    throw new RangeError(`pad: ${list.length} widths are not those of the ${x.rank} axes of ${formatShape(x.shape)}`);
  }
  return list.map((ends) => {
    const [before, after] = typeof ends === "number" ? [ends, ends] : ends;
    return [requireCount("pad", "a width", before), requireCount("pad", "a width", after)];
  });
}

/**
 * Adds elements of one value, 0 by default, before and after each axis. `width` is a number for all ends of all axes, or
 * a list with an entry for each axis: a number for both of its ends, or `[before, after]`.
 *
 * Throws a TypeError where `x` is f16, or where its dtype does not have the value, and a RangeError where a width is no
 * whole number from 0, or where the list names another number of axes.
 *
 * @see [jax.numpy.pad](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.pad.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([[1, 2], [3, 4]]);
 * const padded = dd.pad(x, { width: [0, [1, 2]], value: -1 });
 * console.log(padded.shape, await padded.data()); // [2, 5] Float32Array [-1, 1, 2, -1, -1, -1, 3, 4, -1, -1]
 * ```
 */
export function pad(x: Tensor, options: PadOptions): Tensor {
  const { value = 0 } = options;
  requireDType("pad", x, ["f32", "i32", "u32", "bool"]);
  if (!holdsNumber(x.dtype, value)) throw new TypeError(`pad: ${value} is no ${x.dtype}`);
  const widths = widthsOf(x, options.width);
  if (widths.every(([before, after]) => before === 0 && after === 0)) return x;
  const shape = x.shape.map((size, axis) => size + widths[axis][0] + widths[axis][1]);
  if (x.size === 0) return full(shape, value, x);
  return apply(padPrimitive, [x], { start: widths.map(([before]) => before), shape, value });
}
