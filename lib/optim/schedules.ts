import { sub, where } from "../ops/mod.ts";
import { requireScalar } from "../ops/scalar.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { rateAt } from "./chain.ts";
import { halfCosine } from "./half_cosine.ts";
import type { Schedule } from "./optimizer.ts";

/** A schedule that rises over a warm-up and falls after it. */
export interface WarmupOptions {
  /** The highest rate, at the end of the warm-up: a number, or an f32 scalar where it is data. */
  readonly peak: number | Tensor;
  /** Steps over which the rate rises from 0; 0 by default. */
  readonly warmup?: number;
  /** Number of the step, the warm-up's included, at which the rate has fallen to 0, where it stays. */
  readonly total: number;
}

/**
 * The same rate at every step: a number, or an f32 scalar where it is data.
 *
 * Throws a TypeError where a tensor is not f32, and a RangeError where it is no scalar.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const schedule = dd.optim.constantSchedule(0.25);
 * console.log(await schedule(dd.tensor(7, { dtype: "i32" })).item()); // 0.25
 * ```
 */
export function constantSchedule(rate: number | Tensor): Schedule {
  requireScalar({ of: "constantSchedule", name: "the rate", value: rate });
  return (step) => rateAt(rate, step);
}

function withWarmup(
  { peak, warmup = 0, total }: WarmupOptions,
  fall: (progress: ReturnType<Schedule>) => ReturnType<Schedule>,
): Schedule {
  if (!(total > warmup) || warmup < 0) {
    throw new RangeError(`a schedule of ${total} steps cannot warm up over ${warmup}`);
  }
  requireScalar({ of: "a schedule", name: "peak", value: peak });
  return (step) => {
    const t = step.astype("f32");
    const rising = t.div(Math.max(1, warmup));
    const progress = t.sub(warmup).maximum(0).div(total - warmup).minimum(1);
    return where(t.less(warmup), rising, fall(progress)).mul(peak);
  };
}

/**
 * A schedule that rises linearly from 0 over the warm-up, then falls linearly to 0, as transformers'
 * `get_linear_schedule_with_warmup`.
 *
 * Throws a RangeError where the warm-up is negative, or not shorter than the whole, or the peak is a tensor and no scalar,
 * and a TypeError where that is not f32.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const schedule = dd.optim.linearSchedule({ peak: 1, warmup: 2, total: 6 });
 * console.log(await schedule(dd.arange(7)).data()); // Float32Array [0, 0.5, 1, 0.75, 0.5, 0.25, 0]
 * ```
 */
export function linearSchedule(options: WarmupOptions): Schedule {
  return withWarmup(options, (progress) => sub(1, progress));
}

/**
 * A schedule that rises linearly from 0 over the warm-up, then falls to 0 along half a cosine, as transformers'
 * `get_cosine_schedule_with_warmup` ([SGDR](https://arxiv.org/abs/1608.03983) without restarts).
 *
 * Throws a RangeError where the warm-up is negative, or not shorter than the whole, or the peak is a tensor and no scalar,
 * and a TypeError where that is not f32.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const schedule = dd.optim.cosineSchedule({ peak: 1, total: 4 });
 * const rates = await schedule(dd.arange(5)).data();
 * console.log(...[...rates].map((rate) => rate.toFixed(2))); // 1.00 0.85 0.50 0.15 0.00
 * ```
 */
export function cosineSchedule(options: WarmupOptions): Schedule {
  return withWarmup(options, halfCosine);
}
