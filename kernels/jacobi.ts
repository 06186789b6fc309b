import type { Kernel } from "./kernel.ts";

/** Threads of the workgroup that turns a matrix. */
export const JACOBI_WORKGROUP = 256;
/** How often all pairs of columns are turned: cosines between columns shrink to their squares each time, in the end. */
export const JACOBI_SWEEPS = 12;

/** Elements that the rounds of one dispatch turn at most: half a second's work of a core, as drivers end longer ones. */
const MOST_TURNED = 2 ** 26;

/**
 * Rounds of a kernel that works on `count` matrices of `n` columns, as ranges that are dispatched one after the other: one
 * round of all matrices at least, which is little where a device binds what they are.
 */
export function jacobiRounds(count: number, n: number): readonly (readonly [from: number, to: number])[] {
  const all = JACOBI_SWEEPS * (2 * Math.ceil(n / 2) - 1);
  const most = Math.max(1, Math.floor(MOST_TURNED / (count * n ** 2)));
  return Array.from({ length: Math.ceil(all / most) }, (_, i) => [i * most, Math.min(all, (i + 1) * most)]);
}

/**
 * Uniforms of {@linkcode jacobiKernel}: matrices, their size, pairs of a round, the threads that share a pair, and which
 * rounds it does.
 */
export function jacobiUniforms(count: number, n: number, [from, to]: readonly [from: number, to: number]): Uint32Array {
  const pairs = Math.ceil(n / 2);
  const lanes = Math.max(1, Math.min(32, 2 ** Math.floor(Math.log2(JACOBI_WORKGROUP / pairs))));
  return Uint32Array.of(count, n, pairs, lanes, from, to, 0, 0);
}

/** Multiplications and additions of rounds on `count` matrices of `n` columns, each of whose pairs is turned. */
export function jacobiOperations(count: number, n: number, [from, to]: readonly [from: number, to: number]): number {
  // Three products of columns; two columns of W and of V, of which each element is made of two.
  return count * (to - from) * Math.floor(n / 2) * (3 * 2 + 4 * 3) * n;
}

/**
 * Hestenes' one-sided Jacobi method: turns pairs of columns of square matrices until all are orthogonal, X·V = W, in a
 * fixed number of sweeps. Bindings input `[count, n, n]`, output `[count, 2, n, n]`: the columns of W as rows, then those
 * of V; of later rounds the output has what those before made of them. A round has disjoint pairs, in the order of a
 * tournament in which everybody meets everybody, so that the bits depend on the matrix alone.
 */
export function jacobiKernel(): Kernel {
  return {
    name: "jacobi",
    bindings: ["read", "read_write"],
    code: `struct Sizes { count: u32, n: u32, pairs: u32, lanes: u32, first: u32, end: u32 }
@group(0) @binding(0) var<storage, read> X: array<f32>;
@group(0) @binding(1) var<storage, read_write> Y: array<f32>;
@group(0) @binding(2) var<uniform> d: Sizes;
var<workgroup> partial: array<vec3<f32>, ${JACOBI_WORKGROUP}>;
fn player(seat: u32, round: u32) -> u32 {
  if (seat == 0u) { return 0u; }
  return 1u + (seat - 1u + round) % (2u * d.pairs - 1u);
}
@compute @workgroup_size(${JACOBI_WORKGROUP})
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) g: vec3<u32>, @builtin(local_invocation_index) l: u32) {
  let number = w.y * g.x + w.x;
  if (number >= d.count) { return; }
  let size = d.n * d.n;
  let first = number * 2u * size;
  if (d.first == 0u) {
    for (var i = l; i < size; i += ${JACOBI_WORKGROUP}u) {
      Y[first + i] = X[number * size + i % d.n * d.n + i / d.n];
      Y[first + size + i] = select(0.0, 1.0, i / d.n == i % d.n);
    }
  }
  storageBarrier();
  let lane = l % d.lanes;
  for (var round = d.first; round < d.end; round++) {
    for (var base = 0u; base < d.pairs; base += ${JACOBI_WORKGROUP}u / d.lanes) {
      let pair = base + l / d.lanes;
      let a = player(pair, round);
      let b = player(2u * d.pairs - 1u - pair, round);
      // Of an odd number, one sits out.
      let isThere = pair < d.pairs && max(a, b) < d.n;
      let p = first + min(a, b) * d.n;
      let q = first + max(a, b) * d.n;
      var products = vec3<f32>();
      if (isThere) {
        for (var i = lane; i < d.n; i += d.lanes) { let x = Y[p + i]; let y = Y[q + i]; products += vec3(x * x, y * y, x * y); }
      }
      partial[l] = products;
      workgroupBarrier();
      var all = vec3<f32>();
      for (var part = 0u; part < d.lanes; part++) { all += partial[l - lane + part]; }
      workgroupBarrier();
      if (isThere && abs(all.z) > ${2 ** -24} * sqrt(all.x) * sqrt(all.y)) {
        let zeta = (all.y - all.x) / (2.0 * all.z);
        let tangent = select(-1.0, 1.0, zeta >= 0.0) / (abs(zeta) + sqrt(1.0 + zeta * zeta));
        let cosine = 1.0 / sqrt(1.0 + tangent * tangent);
        let sine = cosine * tangent;
        for (var i = lane; i < d.n; i += d.lanes) {
          let x = Y[p + i];
          let y = Y[q + i];
          Y[p + i] = cosine * x - sine * y;
          Y[q + i] = sine * x + cosine * y;
          let u = Y[p + size + i];
          let v = Y[q + size + i];
          Y[p + size + i] = cosine * u - sine * v;
          Y[q + size + i] = sine * u + cosine * v;
        }
      }
    }
    storageBarrier();
  }
}
`,
  };
}
