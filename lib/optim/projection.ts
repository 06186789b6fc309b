import * as linalg from "../linalg/mod.ts";
import { select, stack, where } from "../ops/mod.ts";
import * as random from "../ops/random_mod.ts";
import { slice } from "../ops/slice.ts";
import { takeAlong } from "../ops/take_along.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { formatShape, requireCount } from "../tensor/shape.ts";
import { vmap } from "../transform/vmap.ts";
import type { ParameterFilter } from "./leaf_paths.ts";

/** Columns on the shorter side up to which singular vectors are those of the whole matrix. */
const WHOLE = 64;
/** Directions beside those that are wanted, and passes over the matrix, that make the wanted ones converge. */
const BESIDE = 8;
const PASSES = 8;

/** Sizes of a matrix `[m, n]`: its longer side, its shorter one, and whether it is as long as wide at least. */
function sidesOf(
  { shape: [m, n] }: Tensor,
): { readonly long: number; readonly short: number; readonly isTall: boolean } {
  return { long: Math.max(m, n), short: Math.min(m, n), isTall: m >= n };
}

/** Checks rank and interval of what projects gradients. Throws a RangeError where one is no whole number from 1. */
export function requireProjection(of: string, options: { readonly rank: number; readonly refreshEvery: number }): void {
  for (const [name, value] of Object.entries(options)) requireCount(of, name, value, 1);
}

/** Matrices that are larger than what they are projected to: what is projected unless told otherwise. */
export function isLargerThan(rank: number): ParameterFilter {
  return (param) => param.rank === 2 && sidesOf(param).short > rank;
}

/** Checks what is projected. Throws a RangeError where it is no matrix. */
export function requireMatrix(of: string, param: Tensor, path: string): void {
  if (param.rank === 2) return;
  throw new RangeError(
    `${of}: can project matrices alone, and ${path || "the parameter"} has shape ${formatShape(param.shape)}`,
  );
}

/** Directions that a matrix is projected on: `rank`, or as many as its shorter side has. */
export function directionsOf(param: Tensor, rank: number): number {
  return Math.min(rank, sidesOf(param).short);
}

/** The shape of a projection of a matrix, `[short, r]`, and of what it is projected to, `[long, r]` or `[r, long]`. */
export function projectedShapes(
  param: Tensor,
  rank: number,
): { readonly projection: readonly number[]; readonly low: readonly number[] } {
  const { long, short, isTall } = sidesOf(param);
  const r = directionsOf(param, rank);
  return { projection: [short, r], low: isTall ? [long, r] : [r, long] };
}

/** A matrix on the directions of its shorter side that are the columns of P: G·P, or Pᵀ·G where it is wide. */
export function project(G: Tensor, P: Tensor): Tensor {
  return sidesOf(G).isTall ? G.matmul(P) : P.matmul(G, { transposeA: true });
}

/** What was projected, R, in the shape of the whole again: R·Pᵀ, or P·R where the whole, `like`, is wide. */
export function projectBack(R: Tensor, P: Tensor, like: Tensor): Tensor {
  return sidesOf(like).isTall ? R.matmul(P, { transposeB: true }) : P.matmul(R);
}

function columns(x: Tensor, count: number): Tensor {
  return slice(x, { start: [0, 0], size: [x.shape[0], count] });
}

/** Columns of which the element of largest magnitude is positive: signs are a property of the matrix, not of rounding. */
function withSigns(V: Tensor): Tensor {
  const rows = V.transpose();
  const largest = takeAlong(rows, rows.abs().argmax().expandDims(-1));
  return rows.mul(where(largest.less(0), -1, 1)).transpose();
}

/** Right singular vectors of a matrix that is as long as wide at least, from the largest singular value down, as columns. */
function rightVectors(T: Tensor): Tensor {
  const [, , vt] = linalg.svd(T);
  return vt.transpose();
}

/**
 * The first `count` singular vectors of a matrix on its shorter side, `[short, count]`, each with its largest element positive.
 *
 * Where that side has at most {@linkcode WHOLE} elements, they are those of `linalg.svd`. Else they are found by subspace
 * iteration ([Halko et al. 2011](https://doi.org/10.1137/090771806), algorithm 4.4) from directions that are drawn by a fixed
 * key, a few more than are wanted, and taken apart in that subspace by the procedure of Rayleigh and Ritz: the vectors are those
 * of G·Q, so that they are the singular vectors themselves and no other basis of their space. The same matrix gives the same
 * bits.
 */
export function leadingVectors(G: Tensor, count: number): Tensor {
  const { short, isTall } = sidesOf(G);
  // Beside 1, as squares of gradients may be too small for f32.
  const largest = G.abs().max();
  const scaled = G.div(where(largest.greater(0), largest, 1));
  const T = isTall ? scaled : scaled.transpose();
  if (short <= WHOLE) return columns(rightVectors(T), count);
  const width = Math.min(short, count + BESIDE);
  let Q = random.normal(random.key(0), [short, width]);
  for (let pass = 0; pass < PASSES; pass++) {
    const [rows] = linalg.qr(T.matmul(Q));
    [Q] = linalg.qr(T.matmul(rows, { transposeA: true }));
  }
  return withSigns(columns(Q.matmul(rightVectors(T.matmul(Q))), count));
}

/**
 * {@linkcode leadingVectors} of several matrices, in their order, of each `rank` or as many as its shorter side has. Those of one
 * shape are found together, as each alone would keep one workgroup busy and no more; each has the bits that it has alone.
 */
export function leadingVectorsOfAll(matrices: readonly Tensor[], rank: number): Tensor[] {
  const found = new Map<Tensor, Tensor>();
  for (const alike of Map.groupBy(matrices, ({ shape }) => shape.join()).values()) {
    const count = directionsOf(alike[0], rank);
    const all = vmap((G: Tensor) => leadingVectors(G, count))(stack(alike));
    alike.forEach((G, i) => found.set(G, select(all, { axis: 0, index: i })));
  }
  return matrices.map((G) => found.get(G)!);
}
