import { type DType, isFloat } from "../../lib/tensor/dtype.ts";
import { LEAST_NORMAL, UNIT } from "./rounding.ts";

/** What float64 gives, and what it gives where every step is rounded at random. */
export interface Expected {
  readonly dtype: DType;
  readonly exact: Float64Array;
  readonly rounded: readonly Float64Array[];
}

/** How many elements were held, and the first that differs. */
export interface Comparison {
  readonly held: number;
  /** Elements that rounding alone can make anything. */
  readonly loose: number;
  readonly fault?: {
    readonly position: number;
    readonly got: number;
    readonly wanted: number;
    readonly within: number;
  };
}

/** How much farther than the runs with rounding a device may lie. */
const SAFETY = 8;
/** An element that rounding moves by this share of the largest element says nothing. */
const LOOSE = 1 / 4;

const kindOf = (x: number) =>
  Number.isNaN(x) ? "NaN" : Number.isFinite(x) ? "finite" : x > 0 ? "Infinity" : "-Infinity";

/** Holds what a device gave against what it may give. */
export function compare(got: ArrayLike<number>, { dtype, exact, rounded }: Expected): Comparison {
  let [held, loose] = [0, 0];
  const largest = exact.reduce((top, x) => Number.isFinite(x) ? Math.max(top, Math.abs(x)) : top, 0);
  for (let i = 0; i < exact.length; i++) {
    const wanted = exact[i];
    const fault = (within: number) => ({ held, loose, fault: { position: i, got: got[i], wanted, within } });
    if (!isFloat(dtype)) {
      // What no integer is (NaN as one, a division by 0) has no value that was promised.
      if (!Number.isFinite(wanted) || rounded.some((run) => run[i] !== wanted)) loose++;
      else if (got[i] !== wanted) return fault(0);
      else held++;
      continue;
    }
    const kind = kindOf(wanted);
    if (rounded.some((run) => kindOf(run[i]) !== kind)) {
      loose++;
      continue;
    }
    if (kind !== "finite") {
      if (kindOf(got[i]) !== kind) return fault(0);
      held++;
      continue;
    }
    const spread = rounded.reduce((top, run) => Math.max(top, Math.abs(run[i] - wanted)), 0);
    if (spread > LOOSE * largest && spread > 4 * LEAST_NORMAL) {
      loose++;
      continue;
    }
    const within = SAFETY * spread + (dtype === "f16" ? 2 ** -11 : 4 * UNIT) * Math.abs(wanted) + 4 * LEAST_NORMAL;
    if (!(Math.abs(got[i] - wanted) <= within)) return fault(within);
    held++;
  }
  return { held, loose };
}
