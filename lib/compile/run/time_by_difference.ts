import type { Bindable } from "../../device/bindable.ts";
import type { BoundLeaves, BoundPlan } from "./bound_plan.ts";

/** A dispatch is repeated until so many milliseconds more than for nothing are over … */
const ENOUGH_MILLISECONDS = 8;
/** … or until so many repetitions: shorter ones cost less than what the wait for them varies. */
const MAX_REPEATS = 64;
const GROWTH = 8;
/** Waits for nothing, of which the shortest counts. */
const EMPTY_ROUNDS = 8;

/** The same leaves with copies of all that the plan writes, so that it may run as often as one likes. */
function withCopies({ device, plan }: BoundPlan, leaves: BoundLeaves): { copied: BoundLeaves; release(): void } {
  const written = [
    ...plan.results.flatMap((place) => place.kind === "donated" ? [place.leaf] : []),
    ...plan.arenas.flatMap((arena) => arena.leaves.map(({ leaf }) => leaf)),
  ];
  const copies = new Map<GPUBuffer, GPUBuffer>();
  for (const leaf of written) {
    const piece = leaves.buffers[leaf];
    if ("createView" in piece) continue; // plans write no textures of others
    const buffer = "buffer" in piece ? piece.buffer : piece;
    if (!copies.has(buffer)) copies.set(buffer, device.acquire(device.bytesOf(buffer)));
  }
  device.submit((encoder) => {
    for (const [from, to] of copies) encoder.copyBufferToBuffer(from, 0, to, 0, device.bytesOf(from));
  });
  const copyOf = (buffer: GPUBuffer) => copies.get(buffer) ?? buffer;
  const move = (piece: Bindable): Bindable =>
    "buffer" in piece ? { ...piece, buffer: copyOf(piece.buffer) } : "createView" in piece ? piece : copyOf(piece);
  return {
    copied: { ...leaves, buffers: leaves.buffers.map(move), arenas: leaves.arenas?.map(copyOf) },
    release: () => copies.forEach((copy) => device.release(copy)),
  };
}

/**
 * Seconds of each dispatch of a plan, for devices without a clock: each is repeated in a submission of its own, in their
 * order, and what that takes longer than an empty one is shared out. What the plan would write over is copied before.
 *
 * `clock` tells milliseconds.
 */
export async function timeByDifference(
  bound: BoundPlan,
  leaves: BoundLeaves,
  clock: () => number = () => performance.now(),
): Promise<number[]> {
  const { device, plan } = bound;
  const { copied, release } = withCopies(bound, leaves);
  const groups = bound.bind(copied);
  const time = async (step: number, repeats: number) => {
    const began = clock();
    device.submit((encoder) => bound.encodeStep(encoder, { step, group: groups[step], repeats }), repeats);
    await device.done();
    return clock() - began;
  };
  try {
    await device.done();
    let empty = Infinity;
    for (let round = 0; round < EMPTY_ROUNDS; round++) empty = Math.min(empty, await time(0, 0));
    const seconds: number[] = [];
    for (let step = 0; step < plan.steps.length; step++) {
      let repeats = 1;
      let milliseconds = await time(step, repeats) - empty;
      while (milliseconds < ENOUGH_MILLISECONDS && repeats < MAX_REPEATS) {
        repeats *= GROWTH;
        milliseconds = await time(step, repeats) - empty;
      }
      seconds.push(Math.max(0, milliseconds) / repeats / 1000);
    }
    return seconds;
  } finally {
    release();
  }
}
