import type { Kernel } from "./kernel.ts";

/** Threads of a workgroup of the kernels here. */
export const SORT_WORKGROUP = 256;
/** Elements that one workgroup sorts in its own memory. */
export const SORT_BLOCK = 1024;

/** What is sorted, and which way. */
export interface SortOptions {
  readonly dtype: "f32" | "i32" | "u32";
  readonly descending: boolean;
}

/** Rows of `n` elements along an axis: element j of a row lies `inner` words after element j − 1. */
export interface SortSizes {
  readonly rows: number;
  readonly n: number;
  readonly inner: number;
}

/** A step of a merge that is larger than a block: pairs in mirrored halves of `size` elements, or half of it apart. */
export interface FarStep {
  readonly size: number;
  readonly isMirrored: boolean;
}

/** Uniforms of the kernels here; `pairs` is half the power of two that a row, or the longest block, fits into. */
export function sortUniforms({ rows, n, inner }: SortSizes, pairs: number, far?: FarStep): Uint32Array {
  return Uint32Array.of(rows, n, inner, Math.ceil(n / SORT_BLOCK), pairs, far?.size ?? 0, Number(far?.isMirrored), 0);
}

const SIZES = `struct Sizes { rows: u32, n: u32, inner: u32, blocks: u32, pairs: u32, size: u32, mirrored: u32 }\n`;
const PLACE = `fn placeOf(row: u32, j: u32) -> u32 { return (row / d.inner * d.n + j) * d.inner + row % d.inner; }\n`;
const ENTRY = `@compute @workgroup_size(${SORT_WORKGROUP})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) g: vec3<u32>, @builtin(local_invocation_index) l: u32) {
`;
const THREAD = `  let t = (w.y * g.x + w.x) * ${SORT_WORKGROUP}u + l;\n`;

/**
 * The order of elements as that of u32: zeros are equal whatever their sign, NaN is greater than all others. By bits, as
 * compilers may take it that there is no NaN.
 */
const KEYS = {
  f32: `  let magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) { return 0xffffffffu; }
  if (magnitude == 0u) { return 0x80000000u; }
  return select(bits | 0x80000000u, ~bits, (bits >> 31u) == 1u);`,
  i32: "  return bits ^ 0x80000000u;",
  u32: "  return bits;",
};

function keySource({ dtype, descending }: SortOptions): string {
  return `fn ascending(bits: u32) -> u32 {
${KEYS[dtype]}
}
fn keyOf(bits: u32) -> u32 { return ${descending ? "~" : ""}ascending(bits); }
`;
}

const nameOf = ({ dtype, descending }: SortOptions) => `_${dtype}${descending ? "_descending" : ""}`;

/**
 * Positions of a row's elements in their order, equal ones in the order of their positions: bindings input, output. Each
 * thread counts what comes before its element: the obvious way, and the fastest for short rows.
 */
export function argsortByRank(options: SortOptions): Kernel {
  return {
    name: `argsortByRank${nameOf(options)}`,
    bindings: ["read", "read_write"],
    code: `${SIZES}@group(0) @binding(0) var<storage, read> X: array<u32>;
@group(0) @binding(1) var<storage, read_write> P: array<u32>;
@group(0) @binding(2) var<uniform> d: Sizes;
${PLACE}${keySource(options)}${ENTRY}${THREAD}  if (t >= d.rows * d.n) { return; }
  let row = t / d.n;
  let i = t % d.n;
  let own = keyOf(X[placeOf(row, i)]);
  var rank = 0u;
  for (var j = 0u; j < d.n; j++) {
    let other = keyOf(X[placeOf(row, j)]);
    if (other < own || (other == own && j < i)) { rank++; }
  }
  P[placeOf(row, rank)] = i;
}
`,
  };
}

/** What blocks have in common: keys and positions in a workgroup's own memory, and steps that put pairs in order. */
const BLOCK = `var<workgroup> keys: array<u32, ${SORT_BLOCK}>;
var<workgroup> places: array<u32, ${SORT_BLOCK}>;
fn order(low: u32, high: u32, count: u32) {
  if (high >= count) { return; }
  let a = keys[low];
  let b = keys[high];
  let p = places[low];
  let q = places[high];
  if (a > b || (a == b && p > q)) { keys[low] = b; keys[high] = a; places[low] = q; places[high] = p; }
}
`;
const BLOCK_ENTRY = `${ENTRY}  let number = w.y * g.x + w.x;
  let row = number / d.blocks;
  if (row >= d.rows) { return; }
  let start = number % d.blocks * ${SORT_BLOCK}u;
  let count = min(${SORT_BLOCK}u, d.n - start);
`;
const eachOf = (body: string) => `  for (var i = l; i < count; i += ${SORT_WORKGROUP}u) { ${body} }\n`;
const STORE = eachOf("K[row * d.n + start + i] = keys[i]; P[placeOf(row, start + i)] = places[i];");
/** Ends the merge of runs of 2·half elements whose halves are in order one after the other. */
const mergeFrom = (half: string) =>
  `for (var half = ${half}; half > 0u; half /= 2u) {
      for (var c = l; c < d.pairs; c += ${SORT_WORKGROUP}u) {
        let low = c / half * 2u * half + c % half;
        order(low, low + half, count);
      }
      workgroupBarrier();
    }
`;

/**
 * Sorts blocks of a row: bindings input, keys `[rows, n]`, positions. A bitonic network whose pairs all point one way
 * (mirrored first), so that what lies behind a row's end needs no place: it would stay there.
 */
export function sortBlocks(options: SortOptions): Kernel {
  return {
    name: `sortBlocks${nameOf(options)}`,
    bindings: ["read", "read_write", "read_write"],
    code: `${SIZES}@group(0) @binding(0) var<storage, read> X: array<u32>;
@group(0) @binding(1) var<storage, read_write> K: array<u32>;
@group(0) @binding(2) var<storage, read_write> P: array<u32>;
@group(0) @binding(3) var<uniform> d: Sizes;
${BLOCK}${PLACE}${keySource(options)}${BLOCK_ENTRY}${
      eachOf("keys[i] = keyOf(X[placeOf(row, start + i)]); places[i] = start + i;")
    }  workgroupBarrier();
  for (var size = 2u; size <= 2u * d.pairs; size *= 2u) {
    for (var c = l; c < d.pairs; c += ${SORT_WORKGROUP}u) {
      let first = c / (size / 2u) * size;
      let at = c % (size / 2u);
      order(first + at, first + size - 1u - at, count);
    }
    workgroupBarrier();
    ${mergeFrom("size / 4u")}  }
${STORE}}
`,
  };
}

/** Ends merges within blocks: bindings keys, positions. */
export function mergeBlocks(): Kernel {
  return {
    name: "mergeBlocks",
    bindings: ["read_write", "read_write"],
    code: `${SIZES}@group(0) @binding(0) var<storage, read_write> K: array<u32>;
@group(0) @binding(1) var<storage, read_write> P: array<u32>;
@group(0) @binding(2) var<uniform> d: Sizes;
${BLOCK}${PLACE}${BLOCK_ENTRY}${
      eachOf("keys[i] = K[row * d.n + start + i]; places[i] = P[placeOf(row, start + i)];")
    }  workgroupBarrier();
    ${mergeFrom("d.pairs")}${STORE}}
`,
  };
}

/** One step of a merge of more than a block: bindings keys, positions. */
export function mergeFar(): Kernel {
  return {
    name: "mergeFar",
    bindings: ["read_write", "read_write"],
    code: `${SIZES}@group(0) @binding(0) var<storage, read_write> K: array<u32>;
@group(0) @binding(1) var<storage, read_write> P: array<u32>;
@group(0) @binding(2) var<uniform> d: Sizes;
${PLACE}${ENTRY}${THREAD}  if (t >= d.rows * d.pairs) { return; }
  let row = t / d.pairs;
  let c = t % d.pairs;
  let half = d.size / 2u;
  let low = c / half * d.size + c % half;
  let high = select(low + half, c / half * d.size + d.size - 1u - c % half, d.mirrored == 1u);
  if (high >= d.n) { return; }
  let a = K[row * d.n + low];
  let b = K[row * d.n + high];
  let p = P[placeOf(row, low)];
  let q = P[placeOf(row, high)];
  if (a > b || (a == b && p > q)) {
    K[row * d.n + low] = b;
    K[row * d.n + high] = a;
    P[placeOf(row, low)] = q;
    P[placeOf(row, high)] = p;
  }
}
`,
  };
}
