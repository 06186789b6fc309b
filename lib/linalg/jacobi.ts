import { JACOBI_SWEEPS, jacobiKernel, jacobiOperations, jacobiRounds, jacobiUniforms } from "../../kernels/jacobi.ts";
import { linearGrid } from "../../kernels/kernel.ts";
import { batchInFront } from "../ops/batching.ts";
import type { Primitive } from "../ops/primitive.ts";
import { sizeOf } from "../tensor/shape.ts";

/** Pairs of one round in a tournament of an even number of players: the first one stays, the others move on by a seat. */
function pairsOf(players: number, round: number): [number, number][] {
  const player = (seat: number) => seat === 0 ? 0 : 1 + (seat - 1 + round) % (players - 1);
  return Array.from({ length: players / 2 }, (_, seat) => [player(seat), player(players - 1 - seat)]);
}

/** Turns two columns, rows here, so that they are orthogonal. */
function turn(w: Float64Array, v: Float64Array, n: number, [p, q]: readonly [number, number]): void {
  let [alpha, beta, gamma] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const [x, y] = [w[p * n + i], w[q * n + i]];
    alpha += x * x;
    beta += y * y;
    gamma += x * y;
  }
  if (!(Math.abs(gamma) > 2 ** -53 * Math.sqrt(alpha) * Math.sqrt(beta))) return;
  const zeta = (beta - alpha) / (2 * gamma);
  const tangent = (zeta >= 0 ? 1 : -1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
  const cosine = 1 / Math.sqrt(1 + tangent * tangent);
  for (const rows of [w, v]) {
    for (let i = 0; i < n; i++) {
      const [x, y] = [rows[p * n + i], rows[q * n + i]];
      rows[p * n + i] = cosine * (x - tangent * y);
      rows[q * n + i] = cosine * (tangent * x + y);
    }
  }
}

/**
 * Square matrices `[..., n, n]` with their columns turned until they are orthogonal, X·V = W: the columns of W as rows, then
 * those of V, `[..., 2n, n]`. `svd` has the derivative.
 */
export const jacobiPrimitive: Primitive<undefined> = {
  name: "jacobi",
  infer: ([{ shape }]) => ({
    shape: shape.map((size, axis) => axis === shape.length - 2 ? 2 * size : size),
    dtype: "f32",
  }),
  lowering: {
    kind: "kernel",
    emit({ inputs: [{ view: { shape } }] }) {
      const n = shape[shape.length - 1];
      const count = sizeOf(shape.slice(0, -2));
      return {
        dispatches: jacobiRounds(count, n).map((rounds) => ({
          kernel: jacobiKernel(),
          grid: linearGrid(count),
          uniforms: jacobiUniforms(count, n, rounds),
          buffers: [{ input: 0 }, "output"],
          operations: jacobiOperations(count, n, rounds),
        })),
      };
    },
  },
  reference([x]) {
    const n = x.shape[x.shape.length - 1];
    const result = new Float64Array(2 * x.data.length);
    for (let first = 0; first < x.data.length; first += n * n) {
      const w = result.subarray(2 * first, 2 * first + n * n);
      const v = result.subarray(2 * first + n * n, 2 * first + 2 * n * n);
      for (let i = 0; i < n * n; i++) w[i] = x.data[first + i % n * n + Math.floor(i / n)];
      for (let i = 0; i < n; i++) v[i * n + i] = 1;
      const players = n + n % 2;
      for (let round = 0; round < JACOBI_SWEEPS * (players - 1); round++) {
        for (const [a, b] of pairsOf(players, round)) {
          if (Math.max(a, b) < n) turn(w, v, n, [Math.min(a, b), Math.max(a, b)]);
        }
      }
    }
    return result;
  },
  batch: (site) => batchInFront(jacobiPrimitive, site),
};
