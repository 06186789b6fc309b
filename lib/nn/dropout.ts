import { where } from "../ops/mod.ts";
import * as random from "../ops/random_mod.ts";
import type { Key } from "../ops/random.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Sets elements to zero with probability `rate` and divides the others by 1 − rate; without a key, nothing happens. */
export function dropout(x: Tensor, options: { readonly rate: number; readonly key?: Key }): Tensor {
  const { rate, key } = options;
  if (!(rate >= 0 && rate < 1)) throw new RangeError(`dropout: a rate lies in [0, 1), not ${rate}`);
  if (key === undefined || rate === 0) return x;
  return where(random.bernoulli(key, 1 - rate, x.shape), x.mul(1 / (1 - rate)), 0);
}
