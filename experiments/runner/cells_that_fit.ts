import type { Device } from "../../mod.ts";
import type { RunBytes } from "./train/step_work.ts";

/** WebGPU does not say how much memory a GPU has: so much is counted on. */
const GPU_BYTES = 4 * 2 ** 30;

/** What runs that are trained together may take all together. */
export interface Room {
  /** Bytes of one tensor. */
  readonly tensor: number;
  /** Bytes of all. */
  readonly all: number;
}

/** What there is for each of so many processes: half of what is free where the device computes on cores. */
export function roomOn({ report: { isSoftware }, limits }: Device, parallel: number): Room {
  const all = isSoftware ? Deno.systemMemoryInfo().available / 2 : GPU_BYTES;
  return { tensor: limits.maxStorageBufferBindingSize, all: all / parallel };
}

/** How many runs of a program have room together, of so many that are wanted: one at least. */
export function cellsThatFit(wanted: number, bytes: RunBytes, room: Room): number {
  const most = Math.min(room.all / bytes.all, room.tensor / bytes.largest);
  return Math.max(1, Math.min(wanted, Math.floor(most)));
}
