import { full, sub, where } from "../ops/mod.ts";
import { halfCosine } from "./half_cosine.ts";
import type { Schedule } from "./optimizer.ts";

/** Steps of a schedule that rises and falls. */
export interface WarmupOptions {
  /** The highest rate. */
  readonly peak: number;
  /** Steps over which the rate rises from 0. */
  readonly warmup?: number;
  /** Steps until the rate is at its lowest. */
  readonly total: number;
}

/** The same rate at every step. */
export function constantSchedule(rate: number): Schedule {
  return () => full([], rate);
}

function withWarmup(
  { peak, warmup = 0, total }: WarmupOptions,
  fall: (progress: ReturnType<Schedule>) => ReturnType<Schedule>,
): Schedule {
  if (!(total > warmup) || warmup < 0) {
    throw new RangeError(`a schedule of ${total} steps cannot warm up over ${warmup}`);
  }
  return (step) => {
    const t = step.astype("f32");
    const rising = t.div(Math.max(1, warmup));
    const progress = t.sub(warmup).maximum(0).div(total - warmup).minimum(1);
    return where(t.less(warmup), rising, fall(progress)).mul(peak);
  };
}

/** Rises linearly from 0 over the warm-up, then falls linearly to 0: `get_linear_schedule_with_warmup` of transformers. */
export function linearSchedule(options: WarmupOptions): Schedule {
  return withWarmup(options, (progress) => sub(1, progress));
}

/** Rises linearly from 0 over the warm-up, then falls to 0 along half a cosine. */
export function cosineSchedule(options: WarmupOptions): Schedule {
  return withWarmup(options, halfCosine);
}
