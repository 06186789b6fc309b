import { storedBytes } from "../../tensor/dtype.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Plan } from "../plan/plan.ts";

/** Results up to this size come back to the host with the step. */
const MAX_RETURN_BYTES = 64 * 1024;

/** A result that is copied out of the plan's memory at the end of a step, for all its names at once. */
export interface ResultCopy {
  readonly slot: number;
  readonly bytes: number;
  /** Position in the staging buffer, or −1 for memory of its own. */
  readonly offset: number;
}

/** Where results leave the plan's memory to: `undefined` for those that do not lie there, such as empty ones. */
export function layResultCopies(
  { results }: Plan,
  outputs: readonly Tensor[],
): { readonly copies: readonly (ResultCopy | undefined)[]; readonly stagingBytes: number } {
  const known = new Map<number, ResultCopy>();
  let stagingBytes = 0;
  const copies = results.map((place, i) => {
    if (place.kind !== "slot" || outputs[i].size === 0) return undefined;
    const { slot } = place;
    let found = known.get(slot);
    if (!found) {
      const bytes = storedBytes(outputs[i]);
      const isLarge = bytes > MAX_RETURN_BYTES;
      known.set(slot, found = { slot, bytes, offset: isLarge ? -1 : stagingBytes });
      if (!isLarge) stagingBytes += bytes;
    }
    return found;
  });
  return { copies, stagingBytes };
}
