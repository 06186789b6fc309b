import type { Kernel } from "./kernel.ts";

/** Threads of a workgroup of the kernels here. */
export const ALONG_WORKGROUP = 64;

/** Tensors `[outer, n, inner]` and `[outer, m, inner]`, of which positions along the middle axis say where elements are. */
export interface AlongSizes {
  readonly outer: number;
  /** Elements along the axis of what is taken from, or added to. */
  readonly n: number;
  /** Indices along the axis. */
  readonly m: number;
  readonly inner: number;
}

/** Uniforms of the kernels here; `outside` are the bits of what an index outside gives. */
export function alongUniforms({ outer, n, m, inner }: AlongSizes, outside = 0): Uint32Array {
  return Uint32Array.of(outer, n, m, inner, outside, 0, 0, 0);
}

const SIZES = `struct Sizes { outer: u32, n: u32, m: u32, inner: u32, outside: u32 }\n`;
const ENTRY = `@compute @workgroup_size(${ALONG_WORKGROUP})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) g: vec3<u32>, @builtin(local_invocation_index) l: u32) {
  let t = (w.y * g.x + w.x) * ${ALONG_WORKGROUP}u + l;
`;

/** Elements by indices along an axis: bindings input, indices, output. Elements are words of whatever dtype. */
export function takeAlongKernel(): Kernel {
  return {
    name: "takeAlong",
    bindings: ["read", "read", "read_write"],
    code: `${SIZES}@group(0) @binding(0) var<storage, read> X: array<u32>;
@group(0) @binding(1) var<storage, read> I: array<i32>;
@group(0) @binding(2) var<storage, read_write> Y: array<u32>;
@group(0) @binding(3) var<uniform> d: Sizes;
${ENTRY}  if (t >= d.outer * d.m * d.inner) { return; }
  let at = u32(I[t]); // a negative index is a large one here
  if (at < d.n) { Y[t] = X[(t / (d.m * d.inner) * d.n + at) * d.inner + t % d.inner]; } else { Y[t] = d.outside; }
}
`,
  };
}

/** What sums are of. */
export type SumType = "f32" | "i32" | "u32";

const TARGET = `  if (t >= d.outer * d.n * d.inner) { return; }
  let row = t / (d.n * d.inner) * d.inner + t % d.inner;
  let wanted = t / d.inner % d.n;
  let first = t / (d.n * d.inner) * d.m * d.inner + t % d.inner;
`;

/**
 * Sums of the elements whose index is a position, in their order: bindings indices, elements, output. Each thread looks at
 * all indices of its row: the obvious way, and the fastest where they are few.
 */
export function sumAlongDirect(type: SumType): Kernel {
  return {
    name: `sumAlongDirect_${type}`,
    bindings: ["read", "read", "read_write"],
    code: `${SIZES}@group(0) @binding(0) var<storage, read> I: array<i32>;
@group(0) @binding(1) var<storage, read> X: array<${type}>;
@group(0) @binding(2) var<storage, read_write> Y: array<${type}>;
@group(0) @binding(3) var<uniform> d: Sizes;
${ENTRY}${TARGET}  var sum = ${type}();
  for (var j = 0u; j < d.m; j++) { if (u32(I[first + j * d.inner]) == wanted) { sum += X[first + j * d.inner]; } }
  Y[t] = sum;
}
`,
  };
}

/**
 * The same of indices in order, as `sortBlocks` of i32 leaves them: bindings keys `[rows, m]`, positions, elements,
 * output. Each thread finds its first one by halving.
 */
export function sumAlongSorted(type: SumType): Kernel {
  return {
    name: `sumAlongSorted_${type}`,
    bindings: ["read", "read", "read", "read_write"],
    code: `${SIZES}@group(0) @binding(0) var<storage, read> K: array<u32>;
@group(0) @binding(1) var<storage, read> P: array<u32>;
@group(0) @binding(2) var<storage, read> X: array<${type}>;
@group(0) @binding(3) var<storage, read_write> Y: array<${type}>;
@group(0) @binding(4) var<uniform> d: Sizes;
${ENTRY}${TARGET}  let key = wanted ^ 0x80000000u;
  var low = 0u;
  var high = d.m;
  while (low < high) {
    let middle = (low + high) / 2u;
    if (K[row * d.m + middle] < key) { low = middle + 1u; } else { high = middle; }
  }
  var sum = ${type}();
  for (var j = low; j < d.m; j++) {
    if (K[row * d.m + j] != key) { break; }
    sum += X[first + P[first + j * d.inner] * d.inner];
  }
  Y[t] = sum;
}
`,
  };
}
