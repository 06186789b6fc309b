import type { DType } from "../tensor/dtype.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { mul } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { logicalNot } from "./compare.ts";

/**
 * Copies the elements of a tensor into memory of their own, converted to `dtype` where one is given. The copy may be
 * donated, or written by a jitted function, while the tensor itself stays as it is. Nothing else needs a copy, as
 * tensors do not change: a second variable is enough.
 *
 * @see [jax.numpy.copy](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.copy.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const half = dd.tensor([1, 2, 3], { dtype: "f16" });
 * console.log(String(dd.copy(half)), String(half.copy({ dtype: "f32" }))); // Tensor f16 [3] Tensor f32 [3]
 * ```
 */
export function copy(x: Tensor, options: { readonly dtype?: DType } = {}): Tensor {
  const { dtype = x.dtype } = options;
  if (dtype !== x.dtype) return cast(x, dtype);
  if (dtype === "bool") return logicalNot(logicalNot(x));
  return dtype === "f16" ? cast(cast(x, "f32"), "f16") : mul(x, 1);
}
