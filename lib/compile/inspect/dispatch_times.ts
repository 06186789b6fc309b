import type { Plan } from "../plan/plan.ts";
import { trafficOf } from "./traffic.ts";

/** What a dispatch took on the device, and what it did. */
export interface DispatchTime {
  /** Name of the kernel. */
  readonly kernel: string;
  /** Numbers of workgroups along x, y and z. */
  readonly grid: readonly [number, number, number];
  /** Bytes that it reads and writes, each element that it needs once. */
  readonly bytes: number;
  /** Multiplications and additions of a product; 0 for everything else. */
  readonly operations: number;
  /** Seconds that it takes. */
  readonly seconds: number;
}

/**
 * How dispatches were timed: `timestamps` are written by the device; by `difference`, each dispatch was repeated, and
 * its time is what that added to a wait.
 */
export type ProfileClock = "timestamps" | "difference";

/** Times of the dispatches of a plan. */
export function dispatchTimes(plan: Plan, seconds: readonly number[]): DispatchTime[] {
  return plan.steps.map((step, i) => {
    const { read, written } = trafficOf(plan, step);
    const { kernel, grid, operations } = step;
    return { kernel: kernel.name, grid, operations, bytes: read + written, seconds: seconds[i] };
  });
}
