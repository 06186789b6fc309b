import type { Kernel } from "./kernel.ts";

/** Threads of a workgroup, each of which solves for a row. */
export const SOLVE_WORKGROUP = 64;

/**
 * Solves X·R = B, or X·Rᵀ = B where `transposed`, for upper triangular matrices R: bindings B `[count, m, n]`, R
 * `[count, n, n]`, output X; uniforms the number of all rows, m, n.
 */
export function solveUpperKernel(transposed: boolean): Kernel {
  const solve = transposed
    ? `  for (var back = 0u; back < d.n; back++) {
    let j = d.n - 1u - back;
    var rest = B[row + j];
    for (var k = j + 1u; k < d.n; k++) { rest -= X[row + k] * R[upper + j * d.n + k]; }
    X[row + j] = rest / R[upper + j * d.n + j];
  }`
    : `  for (var j = 0u; j < d.n; j++) {
    var rest = B[row + j];
    for (var k = 0u; k < j; k++) { rest -= X[row + k] * R[upper + k * d.n + j]; }
    X[row + j] = rest / R[upper + j * d.n + j];
  }`;
  return {
    name: `solveUpper${transposed ? "_transposed" : ""}`,
    bindings: ["read", "read", "read_write"],
    code: `struct Sizes { rows: u32, m: u32, n: u32 }
@group(0) @binding(0) var<storage, read> B: array<f32>;
@group(0) @binding(1) var<storage, read> R: array<f32>;
@group(0) @binding(2) var<storage, read_write> X: array<f32>;
@group(0) @binding(3) var<uniform> d: Sizes;
@compute @workgroup_size(${SOLVE_WORKGROUP})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) g: vec3<u32>, @builtin(local_invocation_index) l: u32) {
  let t = (w.y * g.x + w.x) * ${SOLVE_WORKGROUP}u + l;
  if (t >= d.rows) { return; }
  let row = t * d.n;
  let upper = t / d.m * d.n * d.n;
${solve}
}
`,
  };
}
