import { type StoredAs, storedElement, storedName, storedReader, storedType } from "./half.ts";
import type { Kernel } from "./kernel.ts";

/** Threads of a workgroup of the kernels here. */
export const GATHER_WORKGROUP = 64;

const ENTRY = `@compute @workgroup_size(${GATHER_WORKGROUP})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) g: vec3<u32>, @builtin(local_invocation_index) l: u32) {
  let t = (w.y * g.x + w.x) * ${GATHER_WORKGROUP}u + l;
`;
const SIZES = `struct Sizes { rows: u32, columns: u32, ids: u32, cellIds: u32 }\n`;

/** Uniforms of the kernels here: rows of the table, columns, number of ids, of which each cell has as many. */
export function gatherUniforms(rows: number, columns: number, ids: number, cells = 1): Uint32Array {
  return Uint32Array.of(rows, columns, ids, ids / cells);
}

function lanesOf(vec4: boolean): { type: string; columns: string; zero: string } {
  const type = vec4 ? "vec4<f32>" : "f32";
  return { type, columns: vec4 ? "d.columns / 4u" : "d.columns", zero: `${type}(0.0)` };
}

/**
 * Rows of a table `[rows, columns]` by ids `[ids]`, as f32: bindings table, ids, output. An id outside gives NaN. `table`
 * says how the table is stored.
 */
export function gatherRows(
  { vec4, table = "f32" }: { readonly vec4: boolean; readonly table?: StoredAs },
): Kernel {
  const { type, columns } = lanesOf(vec4);
  const width = vec4 ? 4 : 1;
  return {
    name: `gatherRows${storedName(table)}${vec4 ? "_vec4" : ""}`,
    bindings: ["read", "read", "read_write"],
    code: `${SIZES}@group(0) @binding(0) var<storage, read> T: array<${storedType(table, width)}>;
@group(0) @binding(1) var<storage, read> I: array<i32>;
@group(0) @binding(2) var<storage, read_write> Y: array<${type}>;
@group(0) @binding(3) var<uniform> d: Sizes;
${storedReader(table, "T", width)}${ENTRY}  let width = ${columns};
  if (t >= d.ids * width) { return; }
  let id = u32(I[t / width]); // a negative id is a large one here
  if (id < d.rows) { Y[t] = ${storedElement(table, "T", "id * width + t % width")}; }
  else { Y[t] = ${type}(bitcast<f32>(0x7fc00000u | min(d.rows, 0u))); }
}
`,
  };
}

/** Zeros for `[rows, columns]`: binding output. */
export function fillZero({ vec4 }: { readonly vec4: boolean }): Kernel {
  const { type, columns, zero } = lanesOf(vec4);
  return {
    name: `fillZero${vec4 ? "_vec4" : ""}`,
    bindings: ["read_write"],
    code: `${SIZES}@group(0) @binding(0) var<storage, read_write> Y: array<${type}>;
@group(0) @binding(1) var<uniform> d: Sizes;
${ENTRY}  if (t < d.rows * (${columns})) { Y[t] = ${zero}; }
}
`,
  };
}

/**
 * Chains equal ids: bindings ids, links `[2 · ids]`: whether an id stands there for the first time, and where it stands
 * next (or the number of ids). Ids of several cells are never equal: each is looked for among those of its cell alone.
 */
export function linkIds(): Kernel {
  return {
    name: "linkIds",
    bindings: ["read", "read_write"],
    code: `${SIZES}@group(0) @binding(0) var<storage, read> I: array<i32>;
@group(0) @binding(1) var<storage, read_write> L: array<u32>;
@group(0) @binding(2) var<uniform> d: Sizes;
${ENTRY}  if (t >= d.ids) { return; }
  let id = I[t];
  let start = t - t % d.cellIds;
  var first = 1u;
  for (var j = start; j < t; j++) { if (I[j] == id) { first = 0u; break; } }
  let end = start + d.cellIds;
  var next = t + 1u;
  while (next < end) { if (I[next] == id) { break; } next++; }
  L[t] = first;
  L[d.ids + t] = select(d.ids, next, next < end);
}
`,
  };
}

/**
 * Adds rows `[ids, columns]` into a zeroed table at their ids: bindings ids, links, rows, output. The first place of an
 * id sums all its places in ascending order, so there are no atomics and the bits are always the same.
 */
export function scatterAddRows({ vec4 }: { readonly vec4: boolean }): Kernel {
  const { type, columns } = lanesOf(vec4);
  return {
    name: `scatterAddRows${vec4 ? "_vec4" : ""}`,
    bindings: ["read", "read", "read", "read_write"],
    code: `${SIZES}@group(0) @binding(0) var<storage, read> I: array<i32>;
@group(0) @binding(1) var<storage, read> L: array<u32>;
@group(0) @binding(2) var<storage, read> X: array<${type}>;
@group(0) @binding(3) var<storage, read_write> Y: array<${type}>;
@group(0) @binding(4) var<uniform> d: Sizes;
${ENTRY}  let width = ${columns};
  if (t >= d.ids * width) { return; }
  let at = t / width;
  let column = t % width;
  let id = u32(I[at]);
  if (L[at] == 0u || id >= d.rows) { return; }
  var sum = ${type}(0.0);
  for (var j = at; j < d.ids; j = L[d.ids + j]) { sum += X[j * width + column]; }
  Y[id * width + column] = sum;
}
`,
  };
}
