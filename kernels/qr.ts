import type { Kernel } from "./kernel.ts";

/** Threads of the workgroup that factorizes a matrix. */
export const QR_WORKGROUP = 256;

/** Matrices `[count, m, n]` with m ≥ n. */
export interface QrSizes {
  readonly count: number;
  readonly m: number;
  readonly n: number;
}

/** Uniforms of {@linkcode qrKernel}: so many columns are worked on at once, by the other threads in rows. */
export function qrUniforms({ count, m, n }: QrSizes): Uint32Array {
  const columns = Math.min(QR_WORKGROUP, 2 ** Math.ceil(Math.log2(n)));
  return Uint32Array.of(count, m, n, columns);
}

/** Multiplications and additions of {@linkcode qrKernel}: each reflection is applied to R's columns, and to Q's. */
export function qrOperations({ count, m, n }: QrSizes): number {
  // Rows times columns behind the reflection's own, over all reflections: a sum and a difference for each element.
  const behind = (m - n + 1) * n * (n - 1) / 2 + (n - 1) * n * (2 * n - 1) / 6;
  return count * 2 * 4 * behind;
}

/**
 * Applies the reflection by column `k` to the columns behind it: each group of threads sums over its rows, then all add
 * the groups' sums in the same order.
 */
const REFLECT = `  for (var base = k + 1u; base < d.n; base += d.columns) {
      let j = base + l % d.columns;
      var sum = 0.0;
      if (j < d.n) {
        for (var i = k + group; i < d.m; i += groups) { sum += select(A[first + i * d.n + k], 1.0, i == k) * A[first + i * d.n + j]; }
      }
      partial[l] = sum;
      workgroupBarrier();
      var total = 0.0;
      for (var part = 0u; part < groups; part++) { total += partial[part * d.columns + l % d.columns]; }
      workgroupBarrier();
      if (j < d.n) {
        for (var i = k + group; i < d.m; i += groups) {
          A[first + i * d.n + j] -= factor * total * select(A[first + i * d.n + k], 1.0, i == k);
        }
      }
    }
    storageBarrier();
`;

/**
 * Q and R by Householder's reflections, the way of LAPACK's geqr2 and org2r: bindings input `[count, m, n]`, factors
 * `[count, n]`, output `[count, m + n, n]`, of which the first m rows are Q and the others R. One workgroup a matrix; the
 * order of its sums depends on the shape alone. The reflections lie in Q's place until Q is made of them.
 */
export function qrKernel(): Kernel {
  return {
    name: "qr",
    bindings: ["read", "read_write", "read_write"],
    code: `struct Sizes { count: u32, m: u32, n: u32, columns: u32 }
@group(0) @binding(0) var<storage, read> X: array<f32>;
@group(0) @binding(1) var<storage, read_write> F: array<f32>;
@group(0) @binding(2) var<storage, read_write> A: array<f32>;
@group(0) @binding(3) var<uniform> d: Sizes;
var<workgroup> partial: array<f32, ${QR_WORKGROUP}>;
@compute @workgroup_size(${QR_WORKGROUP})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) g: vec3<u32>, @builtin(local_invocation_index) l: u32) {
  let number = w.y * g.x + w.x;
  if (number >= d.count) { return; }
  let first = number * (d.m + d.n) * d.n;
  let upper = first + d.m * d.n;
  let group = l / d.columns;
  let groups = ${QR_WORKGROUP}u / d.columns;
  for (var i = l; i < d.m * d.n; i += ${QR_WORKGROUP}u) { A[first + i] = X[number * d.m * d.n + i]; }
  storageBarrier();
  for (var k = 0u; k < d.n; k++) {
    var squares = 0.0;
    for (var i = k + 1u + l; i < d.m; i += ${QR_WORKGROUP}u) { let x = A[first + i * d.n + k]; squares += x * x; }
    partial[l] = squares;
    for (var half = ${QR_WORKGROUP / 2}u; half > 0u; half /= 2u) {
      workgroupBarrier();
      if (l < half) { partial[l] += partial[l + half]; }
    }
    workgroupBarrier();
    let below = partial[0];
    let alpha = A[first + k * d.n + k];
    workgroupBarrier();
    storageBarrier();
    let norm = sqrt(alpha * alpha + below);
    // What has nothing below it needs no reflection.
    let beta = select(select(norm, -norm, alpha >= 0.0), alpha, below == 0.0);
    let factor = select((beta - alpha) / beta, 0.0, below == 0.0);
    let scale = select(1.0 / (alpha - beta), 0.0, below == 0.0);
    for (var i = k + 1u + l; i < d.m; i += ${QR_WORKGROUP}u) { A[first + i * d.n + k] *= scale; }
    if (l == 0u) { F[number * d.n + k] = factor; A[first + k * d.n + k] = beta; }
    storageBarrier();
    ${REFLECT}  }
  for (var i = l; i < d.n * d.n; i += ${QR_WORKGROUP}u) { A[upper + i] = select(0.0, A[first + i], i / d.n <= i % d.n); }
  storageBarrier();
  for (var back = 0u; back < d.n; back++) {
    let k = d.n - 1u - back;
    let factor = F[number * d.n + k];
    ${REFLECT}    for (var i = l; i < d.m; i += ${QR_WORKGROUP}u) {
      let v = A[first + i * d.n + k];
      A[first + i * d.n + k] = select(select(-factor * v, 1.0 - factor, i == k), 0.0, i < k);
    }
    storageBarrier();
  }
}
`,
  };
}
