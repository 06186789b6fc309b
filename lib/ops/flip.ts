import { normalizeAxes, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { contiguousStrides, flipView } from "../tensor/view.ts";
import { apply, type Primitive } from "./primitive.ts";

/** Axes in the opposite direction. */
export const flipPrimitive: Primitive<{ readonly axes: readonly number[] }> = {
  name: "flip",
  infer: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
  lowering: { kind: "view", view: (view, { axes }) => flipView(view, axes) },
  reference([x], { axes }) {
    const rows = contiguousStrides(x.shape);
    return Float64Array.from({ length: sizeOf(x.shape) }, (_, i) => {
      let position = i;
      for (const axis of axes) {
        const at = Math.floor(i / rows[axis]) % x.shape[axis];
        position += (x.shape[axis] - 1 - 2 * at) * rows[axis];
      }
      return x.data[position];
    });
  },
  vjp: ({ cotangent, params: { axes } }) => [cotangent.flip({ axis: axes })],
  batch: ({ inputs: [x], params: { axes } }) => flip(x, { axis: axes.map((axis) => axis + 1) }),
};

/**
 * Reverses the order of the elements along axes, along all of them by default. Costs nothing by itself: what follows
 * reads in the other direction.
 *
 * Throws a RangeError where an axis does not exist.
 *
 * @see [jax.numpy.flip](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.flip.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([[1, 2, 3], [4, 5, 6]]);
 * console.log(await dd.flip(x, { axis: 1 }).data()); // Float32Array [3, 2, 1, 6, 5, 4]
 * ```
 */
export function flip(x: Tensor, options: { readonly axis?: number | readonly number[] } = {}): Tensor {
  const axes = normalizeAxes(options.axis, x.rank, "flip").filter((axis) => x.shape[axis] > 1);
  return axes.length === 0 ? x : apply(flipPrimitive, [x], { axes });
}
