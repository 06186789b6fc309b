import type { DiagonalOption } from "../tensor/operation_options.ts";
import { formatShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { arange } from "./arange.ts";
import { div, mul, sub } from "./arithmetic.ts";
import { greaterEqual, lessEqual } from "./compare.ts";
import { reshape } from "./reshape.ts";
import { where } from "./where.ts";

/** How far each place of the last two axes lies right of the diagonal. */
function distances(op: string, x: Tensor, diagonal: number): Tensor {
  if (x.rank < 2) throw new RangeError(`${op}: needs a matrix, and got ${formatShape(x.shape)}`);
  if (!Number.isSafeInteger(diagonal)) throw new RangeError(`${op}: a diagonal is a whole number, not ${diagonal}`);
  const [rows, columns] = x.shape.slice(-2);
  const places = reshape(arange(rows * columns), [rows, columns]);
  // Place − row · columns is the column.
  return sub(places, mul(div(places, columns), columns + 1));
}

/**
 * Keeps the lower triangle of the matrices in the last two axes, `[..., m, n]`, and gives 0 above: what lies on the
 * diagonal or below it, or below another diagonal, so many places to its right.
 *
 * Throws a TypeError where `x` is f16, and a RangeError where it has fewer than two axes, or where `diagonal` is not
 * whole.
 *
 * @see [jax.numpy.tril](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.tril.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.ones([2, 3]);
 * console.log(await dd.tril(x).data()); // Float32Array [1, 0, 0, 1, 1, 0]
 * console.log(await dd.tril(x, { diagonal: 1 }).data()); // Float32Array [1, 1, 0, 1, 1, 1]
 * ```
 */
export function tril(x: Tensor, options: DiagonalOption = {}): Tensor {
  const { diagonal = 0 } = options;
  return where(lessEqual(distances("tril", x, diagonal), diagonal), x, 0);
}

/**
 * Keeps the upper triangle of the matrices in the last two axes, `[..., m, n]`, and gives 0 below: what lies on the
 * diagonal or above it, or above another diagonal, so many places to its right.
 *
 * Throws a TypeError where `x` is f16, and a RangeError where it has fewer than two axes, or where `diagonal` is not
 * whole.
 *
 * @see [jax.numpy.triu](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.triu.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.ones([2, 3]);
 * console.log(await dd.triu(x).data()); // Float32Array [1, 1, 1, 0, 1, 1]
 * console.log(await dd.triu(x, { diagonal: 1 }).data()); // Float32Array [0, 1, 1, 0, 0, 1]
 * ```
 */
export function triu(x: Tensor, options: DiagonalOption = {}): Tensor {
  const { diagonal = 0 } = options;
  return where(greaterEqual(distances("triu", x, diagonal), diagonal), x, 0);
}
