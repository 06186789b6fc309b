import { type Grid, type Kernel, linearGrid } from "./kernel.ts";

/** What is summed. */
export type Summed = "f32" | "i32" | "u32";

/** Rows up to this length are summed by one thread each, from their beginning. */
export const ROW_LENGTH = 64;
/** Elements that one workgroup sums in longer rows. */
export const SCAN_BLOCK = 1024;

const WORKGROUP = 64;
const EACH = SCAN_BLOCK / WORKGROUP;

/** Sizes of a cumulative sum over rows of `n`: uniform words of all three kernels. */
export function scanUniforms(rows: number, n: number, reverse: boolean): Uint32Array {
  return Uint32Array.of(rows, n, Math.ceil(n / SCAN_BLOCK), reverse ? 1 : 0);
}

/** Element `i` of a row, counted from its end where the sum runs backwards. */
const HEAD = (dtype: Summed, arrays: readonly string[]) =>
  `struct Sizes { rows: u32, n: u32, blocks: u32, reverse: u32 }
${
    arrays.map((name, i) =>
      `@group(0) @binding(${i}) var<storage, ${
        name === "X" || name === "P" ? "read" : "read_write"
      }> ${name}: array<${dtype}>;\n`
    ).join("")
  }@group(0) @binding(${arrays.length}) var<uniform> d: Sizes;
fn place(row: u32, i: u32) -> u32 { return row * d.n + select(i, d.n - 1u - i, d.reverse == 1u); }
`;

const ENTRY = `@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) g: vec3<u32>, @builtin(local_invocation_index) l: u32) {
`;

/** Cumulative sums of short rows, a thread each: bindings input, output. */
export function scanRows(dtype: Summed): Kernel {
  return {
    name: `cumulativeSumRows_${dtype}`,
    bindings: ["read", "read_write"],
    code: `${HEAD(dtype, ["X", "Y"])}${ENTRY}  let row = (w.y * g.x + w.x) * ${WORKGROUP}u + l;
  if (row >= d.rows) { return; }
  var sum = ${dtype}(0);
  for (var i = 0u; i < d.n; i++) {
    let at = place(row, i);
    sum += X[at];
    Y[at] = sum;
  }
}
`,
  };
}

/** Workgroups of {@linkcode scanRows}. */
export function scanRowsGrid(rows: number): Grid {
  return linearGrid(Math.ceil(rows / WORKGROUP));
}

/**
 * Cumulative sums within blocks of 1,024 elements of each row, a workgroup each: a thread sums 16 neighbours, threads'
 * sums are summed by doubling distances, and each thread goes over its elements again. Bindings input, output and, where
 * rows have `several` blocks, the sum of each block.
 */
export function scanBlocks(dtype: Summed, { several }: { readonly several: boolean }): Kernel {
  return {
    name: `cumulativeSumBlocks_${dtype}${several ? "_several" : ""}`,
    bindings: several ? ["read", "read_write", "read_write"] : ["read", "read_write"],
    code: `${HEAD(dtype, several ? ["X", "Y", "S"] : ["X", "Y"])}var<workgroup> sums: array<${dtype}, ${WORKGROUP}>;
${ENTRY}  let block = w.y * g.x + w.x;
  if (block >= d.rows * d.blocks) { return; }
  let row = block / d.blocks;
  let first = (block % d.blocks) * ${SCAN_BLOCK}u + l * ${EACH}u;
  let end = min(first + ${EACH}u, d.n);
  var sum = ${dtype}(0);
  for (var i = first; i < end; i++) { sum += X[place(row, i)]; }
  sums[l] = sum;
  for (var distance = 1u; distance < ${WORKGROUP}u; distance <<= 1u) {
    workgroupBarrier();
    var before = ${dtype}(0);
    if (l >= distance) { before = sums[l - distance]; }
    workgroupBarrier();
    sums[l] = before + sums[l];
  }
  workgroupBarrier();
  sum = ${dtype}(0);
  if (l > 0u) { sum = sums[l - 1u]; }
  for (var i = first; i < end; i++) {
    let at = place(row, i);
    sum += X[at];
    Y[at] = sum;
  }
${several ? `  if (l == ${WORKGROUP - 1}u) { S[block] = sums[l]; }\n` : ""}}
`,
  };
}

/** Workgroups of {@linkcode scanBlocks}. */
export function scanBlocksGrid(rows: number, n: number): Grid {
  return linearGrid(rows * Math.ceil(n / SCAN_BLOCK));
}

/** Adds to each block the sum of those before it: bindings cumulative sums of the blocks, output. */
export function addBefore(dtype: Summed): Kernel {
  return {
    name: `cumulativeSumBefore_${dtype}`,
    bindings: ["read", "read_write"],
    code: `${HEAD(dtype, ["P", "Y"])}${ENTRY}  let block = w.y * g.x + w.x;
  if (block >= d.rows * d.blocks || block % d.blocks == 0u) { return; }
  let row = block / d.blocks;
  let first = (block % d.blocks) * ${SCAN_BLOCK}u;
  let before = P[block - 1u];
  for (var i = first + l; i < min(first + ${SCAN_BLOCK}u, d.n); i += ${WORKGROUP}u) {
    let at = place(row, i);
    Y[at] = before + Y[at];
  }
}
`,
  };
}
