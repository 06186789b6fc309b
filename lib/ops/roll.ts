import type { RollOptions } from "../tensor/operation_options.ts";
import { normalizeAxis } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { requireDType } from "./elementwise.ts";
import { reshape } from "./reshape.ts";
import { concat, split } from "./slice.ts";

/** Moves the last `shift` of an axis to its front. */
function rollAxis(x: Tensor, shift: number, axis: number): Tensor {
  const size = x.shape[axis];
  const moved = size === 0 ? 0 : ((shift % size) + size) % size;
  if (moved === 0) return x;
  const [head, tail] = split(x, { sections: [size - moved, moved], axis });
  return concat([tail, head], { axis });
}

/**
 * Moves elements along axes by `shift` positions, backwards where it is negative; those that leave at one end come in at
 * the other. Several axes have one shift for all or one each. Without an axis, elements move in row-major order, from
 * row to row.
 *
 * Throws a TypeError where `x` is f16, and a RangeError where a shift is not whole, where an axis does not exist, or
 * where shifts and axes are not equally many.
 *
 * @see [jax.numpy.roll](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.roll.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([[1, 2, 3], [4, 5, 6]]);
 * console.log(await dd.roll(x, { shift: 1, axis: 1 }).data()); // Float32Array [3, 1, 2, 6, 4, 5]
 * console.log(await dd.roll(x, { shift: -1 }).data()); // Float32Array [2, 3, 4, 5, 6, 1]
 * ```
 */
export function roll(x: Tensor, options: RollOptions): Tensor {
  const { shift, axis } = options;
  requireDType("roll", x, ["f32", "i32", "u32", "bool"]);
  if (axis === undefined) return reshape(roll(reshape(x, [x.size]), { shift, axis: 0 }), x.shape);
  const axes = typeof axis === "number" ? [axis] : axis;
  const shifts = typeof shift === "number" ? axes.map(() => shift) : shift;
  if (shifts.length !== axes.length) {
    throw new RangeError(
      `roll: there are ${shifts.length} shifts and ${axes.length} axes: one shift for all, or one each`,
    );
  }
  for (const one of shifts) {
    if (!Number.isSafeInteger(one)) throw new RangeError(`roll: a shift is a whole number, not ${one}`);
  }
  return axes.reduce((rolled, one, i) => rollAxis(rolled, shifts[i], normalizeAxis(one, x.rank, "roll")), x);
}
