import { type Grid, type Kernel, linearGrid } from "./kernel.ts";

/** Elements that one workgroup squares and sums. */
const CHUNK = 4096;
const WORKGROUP = 64;

/** Workgroups for so many elements. */
export function squaredNormChunks(elements: number): number {
  return Math.max(1, Math.ceil(elements / CHUNK));
}

/**
 * Sums of squares of several arrays, a partial sum for each piece of 4,096 elements in order: bindings the arrays, then
 * partial sums. Uniform words: where the partial sums begin, nothing, then for each array its elements and first piece.
 */
export function squaredNormKernel(arrays: number): Kernel {
  const numbers = Array.from({ length: arrays }, (_, i) => i);
  const name = `squaredNorm_of${arrays}`;
  const entry = (i: number) => `d[${(i + 1) >> 1}].${(i + 1) % 2 === 0 ? "xy" : "zw"}`;
  return {
    name,
    bindings: [...numbers.map(() => "read" as const), "read_write"],
    code: `${numbers.map((i) => `@group(0) @binding(${i}) var<storage, read> X${i}: array<f32>;\n`).join("")}` +
      `@group(0) @binding(${arrays}) var<storage, read_write> Y: array<f32>;
@group(0) @binding(${arrays + 1}) var<uniform> d: array<vec4<u32>, ${Math.ceil((arrays + 1) / 2)}>;
var<workgroup> partial: array<f32, ${WORKGROUP}>;
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) g: vec3<u32>, @builtin(local_invocation_index) l: u32) {
  let chunk = w.y * g.x + w.x;
  var sum = 0f;
${
        numbers.map((i) =>
          `  if (chunk >= ${entry(i)}.y && chunk - ${entry(i)}.y < max(1u, (${entry(i)}.x + ${
            CHUNK - 1
          }u) / ${CHUNK}u)) {
    let start = (chunk - ${entry(i)}.y) * ${CHUNK}u;
    let end = min(start + ${CHUNK}u, ${entry(i)}.x);
    for (var e = start + l; e < end; e += ${WORKGROUP}u) { let x = X${i}[e]; sum = fma(x, x, sum); }
  }
`
        ).join("")
      }  partial[l] = sum;
  for (var half = ${WORKGROUP / 2}u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (l < half) { partial[l] += partial[l + half]; }
  }
  if (l == 0u) { Y[d[0].x + chunk] = partial[0]; }
}
`,
  };
}

/** Grid and uniforms of {@linkcode squaredNormKernel}, whose partial sums begin at `from`. */
export function squaredNormDispatch(
  sizes: readonly number[],
  from: number,
): { kernel: Kernel; grid: Grid; uniforms: Uint32Array } {
  const uniforms = new Uint32Array(Math.ceil((sizes.length + 1) / 2) * 4);
  uniforms[0] = from;
  let chunks = 0;
  sizes.forEach((size, i) => {
    uniforms.set([size, chunks], 2 * (i + 1));
    chunks += squaredNormChunks(size);
  });
  return { kernel: squaredNormKernel(sizes.length), grid: linearGrid(chunks), uniforms };
}

/** Sums partial sums into one number: bindings partial sums, output. Uniform word: how many there are. */
export function sumPartials(): Kernel {
  return {
    name: "sumPartials",
    bindings: ["read", "read_write"],
    code: `@group(0) @binding(0) var<storage, read> X: array<f32>;
@group(0) @binding(1) var<storage, read_write> Y: array<f32>;
@group(0) @binding(2) var<uniform> d: vec4<u32>;
var<workgroup> partial: array<f32, ${WORKGROUP}>;
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(local_invocation_index) l: u32) {
  var sum = 0f;
  for (var e = l; e < d.x; e += ${WORKGROUP}u) { sum += X[e]; }
  partial[l] = sum;
  for (var half = ${WORKGROUP / 2}u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (l < half) { partial[l] += partial[l + half]; }
  }
  if (l == 0u) { Y[0] = partial[0]; }
}
`,
  };
}
