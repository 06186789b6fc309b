import { type Grid, type Kernel, linearGrid } from "./kernel.ts";

/** Elements that one workgroup squares and sums. */
const CHUNK = 4096;
const WORKGROUP = 64;

/** Workgroups for so many elements. */
export function squaredNormChunks(elements: number): number {
  return Math.max(1, Math.ceil(elements / CHUNK));
}

/** An array of which squares are summed: where it lies, in elements, and where its partial sums go. */
export interface SquaredArray {
  /** Number of the buffer in which it lies. */
  readonly buffer: number;
  readonly offset: number;
  readonly size: number;
  /** Place of its first partial sum; the others follow. */
  readonly partial: number;
}

/** Arrays that one dispatch takes. */
export const SQUARED_ARRAYS = 256;

/** Words for each array: elements, first piece, offset, buffer, first partial sum less first piece, and three of none. */
const WORDS = 8;
/** Tables of arrays are of few lengths, so that few kernels serve all. */
const ROUND = 32;

const tableLength = (arrays: number) => Math.ceil(arrays / ROUND) * ROUND;

/**
 * Sums of squares of several arrays, which lie in a few buffers: a partial sum for each piece of 4,096 elements in order.
 * Bindings the buffers, then partial sums. `arrays` is how many there are at most.
 */
function squaredNormKernel(
  { buffers, arrays }: { readonly buffers: number; readonly arrays: number },
): Kernel {
  const numbers = Array.from({ length: buffers }, (_, i) => i);
  const length = tableLength(arrays);
  return {
    name: `squaredNorm_of${buffers}${length > ROUND ? `_up_to${length}` : ""}`,
    bindings: [...numbers.map(() => "read" as const), "read_write"],
    code: `struct Piece { size: u32, first: u32, offset: u32, buffer: u32, shift: u32, pad0: u32, pad1: u32, pad2: u32 }
struct Table { arrays: vec4<u32>, pieces: array<Piece, ${length}> }
${numbers.map((i) => `@group(0) @binding(${i}) var<storage, read> X${i}: array<f32>;\n`).join("")}` +
      `@group(0) @binding(${buffers}) var<storage, read_write> Y: array<f32>;
@group(0) @binding(${buffers + 1}) var<uniform> d: Table;
var<workgroup> partial: array<f32, ${WORKGROUP}>;
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) g: vec3<u32>, @builtin(local_invocation_index) l: u32) {
  let chunk = w.y * g.x + w.x;
  var i = 0u;
  for (var above = d.arrays.x; above - i > 1u;) {
    let middle = (i + above) / 2u;
    if (d.pieces[middle].first <= chunk) { i = middle; } else { above = middle; }
  }
  let start = (chunk - d.pieces[i].first) * ${CHUNK}u;
  let end = d.pieces[i].offset + min(start + ${CHUNK}u, d.pieces[i].size);
  let begin = d.pieces[i].offset + start + l;
  let isPiece = start < max(1u, d.pieces[i].size);
  var sum = 0f;
  if (isPiece) {
    switch (d.pieces[i].buffer) {
${
        numbers.map((i) =>
          `      ${
            i === buffers - 1 ? "default" : `case ${i}u`
          }: { for (var e = begin; e < end; e += ${WORKGROUP}u) { let x = X${i}[e]; sum = fma(x, x, sum); } }\n`
        ).join("")
      }    }
  }
  partial[l] = sum;
  for (var half = ${WORKGROUP / 2}u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (l < half) { partial[l] += partial[l + half]; }
  }
  if (l == 0u && isPiece) { Y[chunk + d.pieces[i].shift] = partial[0]; }
}
`,
  };
}

/** Grid and uniforms of {@linkcode squaredNormKernel}. Throws a RangeError for more arrays than it takes. */
export function squaredNormDispatch(
  arrays: readonly SquaredArray[],
): { kernel: Kernel; grid: Grid; uniforms: Uint32Array } {
  if (arrays.length > SQUARED_ARRAYS) {
    throw new RangeError(`squaredNorm: ${arrays.length} arrays are more than the ${SQUARED_ARRAYS} of one dispatch`);
  }
  const uniforms = new Uint32Array(4 + WORDS * tableLength(arrays.length));
  uniforms[0] = arrays.length;
  let chunks = 0;
  arrays.forEach(({ buffer, offset, size, partial }, i) => {
    uniforms.set([size, chunks, offset, buffer, partial - chunks], 4 + WORDS * i);
    chunks += squaredNormChunks(size);
  });
  const buffers = 1 + Math.max(...arrays.map(({ buffer }) => buffer));
  return { kernel: squaredNormKernel({ buffers, arrays: arrays.length }), grid: linearGrid(chunks), uniforms };
}

/** Sums partial sums into a number for each cell: bindings partial sums, output. Uniform word: how many a cell has. */
export function sumPartials(): Kernel {
  return {
    name: "sumPartials",
    bindings: ["read", "read_write"],
    code: `@group(0) @binding(0) var<storage, read> X: array<f32>;
@group(0) @binding(1) var<storage, read_write> Y: array<f32>;
@group(0) @binding(2) var<uniform> d: vec4<u32>;
var<workgroup> partial: array<f32, ${WORKGROUP}>;
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_index) l: u32) {
  var sum = 0f;
  for (var e = l; e < d.x; e += ${WORKGROUP}u) { sum += X[w.x * d.x + e]; }
  partial[l] = sum;
  for (var half = ${WORKGROUP / 2}u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (l < half) { partial[l] += partial[l + half]; }
  }
  if (l == 0u) { Y[w.x] = partial[0]; }
}
`,
  };
}
