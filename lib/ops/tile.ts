import { requireCount } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { broadcastTo } from "./broadcast.ts";
import { reshape } from "./reshape.ts";

/**
 * Puts copies of a tensor beside each other: so many along each axis, or along the last one where a number is given.
 * Fewer numbers than axes count for the last ones, and more of them add axes in front.
 *
 * Throws a RangeError where a number is not whole, or below 0.
 *
 * @see [jax.numpy.tile](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.tile.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([1, 2, 3]);
 * console.log(await dd.tile(x, 2).data()); // Float32Array [1, 2, 3, 1, 2, 3]
 * console.log(dd.tile(x, [4, 2]).shape); // [4, 6]
 * ```
 */
export function tile(x: Tensor, repeats: number | readonly number[]): Tensor {
  const list = typeof repeats === "number" ? [repeats] : repeats;
  for (const count of list) requireCount("tile", "a number of copies", count);
  const rank = Math.max(list.length, x.rank);
  const sizes = [...new Array<number>(rank - x.rank).fill(1), ...x.shape];
  const counts = [...new Array<number>(rank - list.length).fill(1), ...list];
  // An axis of copies before each axis that has some: stretching it costs nothing, and one copy joins the two.
  const apart = sizes.flatMap((size, axis) => counts[axis] === 1 ? [size] : [1, size]);
  const wide = sizes.flatMap((size, axis) => counts[axis] === 1 ? [size] : [counts[axis], size]);
  return reshape(broadcastTo(reshape(x, apart), wide), sizes.map((size, axis) => size * counts[axis]));
}
