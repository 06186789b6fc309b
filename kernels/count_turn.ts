import type { Kernel } from "./kernel.ts";

/** Uniforms of {@linkcode countTurn}. */
export function countTurnUniforms(
  { isFirst, step }: { readonly isFirst: boolean; readonly step: number },
): Uint32Array {
  return new Uint32Array(Int32Array.of(Number(isFirst), step, 0, 0).buffer);
}

/**
 * Adds a step to the two numbers that say which row a turn of a loop takes, or sets them to it before the first turn. Both
 * are the place of a row along the first of two axes; along the second one a box that is as long as it lies at 0 whatever
 * is said.
 */
export const countTurn: Kernel = {
  name: "countTurn",
  bindings: ["read_write"],
  code: `struct Sizes { isFirst: u32, step: i32, pad0: u32, pad1: u32 }
@group(0) @binding(0) var<storage, read_write> C: array<i32>;
@group(0) @binding(1) var<uniform> d: Sizes;
@compute @workgroup_size(2)
fn main(@builtin(local_invocation_index) l: u32) {
  C[l] = select(C[l], 0, d.isFirst == 1u) + d.step;
}
`,
};
