import { where } from "../ops/mod.ts";
import * as random from "../ops/random_mod.ts";
import type { Key } from "../ops/random.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * Sets each element of x to zero with probability `rate`, in [0, 1), and divides the others by 1 − rate, so that means
 * stay ([Srivastava et al. 2014](https://jmlr.org/papers/v15/srivastava14a.html)). Without a key it gives x itself:
 * that is how a model is scored. The same key gives the same zeros.
 *
 * Throws a RangeError where the rate is not in [0, 1).
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.ones([1000]);
 * const dropped = dd.nn.dropout(x, { rate: 0.5, key: dd.random.key(0) });
 * console.log([...new Set(await dropped.data())].sort()); // [0, 2]
 * console.log(dd.nn.dropout(x, { rate: 0.5 }) === x); // true
 * ```
 */
export function dropout(x: Tensor, options: { readonly rate: number; readonly key?: Key }): Tensor {
  const { rate, key } = options;
  if (!(rate >= 0 && rate < 1)) throw new RangeError(`dropout: a rate lies in [0, 1), not ${rate}`);
  if (key === undefined || rate === 0) return x;
  return where(random.bernoulli(key, 1 - rate, x.shape), x.mul(1 / (1 - rate)), 0);
}
