import { isNaNExpression } from "./is_nan.ts";
import type { Kernel } from "./kernel.ts";

/** Threads of a workgroup, each of which takes a row. */
export const ARG_WORKGROUP = 64;

/**
 * Position of the largest or smallest element of each row of `[rows, n]`, the first among equals, and the first NaN where
 * there is one, as in NumPy: bindings input, output i32.
 */
export function argRows(find: "max" | "min"): Kernel {
  return {
    name: find === "max" ? "argMaxRows" : "argMinRows",
    bindings: ["read", "read_write"],
    code: `struct Sizes { rows: u32, n: u32 }
@group(0) @binding(0) var<storage, read> X: array<f32>;
@group(0) @binding(1) var<storage, read_write> Y: array<i32>;
@group(0) @binding(2) var<uniform> d: Sizes;
@compute @workgroup_size(${ARG_WORKGROUP})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) g: vec3<u32>, @builtin(local_invocation_index) l: u32) {
  let row = (w.y * g.x + w.x) * ${ARG_WORKGROUP}u + l;
  if (row >= d.rows) { return; }
  var best = 0u;
  var top = X[row * d.n];
  for (var i = 1u; i < d.n; i++) {
    let x = X[row * d.n + i];
    if (x ${find === "max" ? ">" : "<"} top || (${isNaNExpression("x", "u32")} && !${
      isNaNExpression("top", "u32")
    })) { top = x; best = i; }
  }
  Y[row] = i32(best);
}
`,
  };
}
