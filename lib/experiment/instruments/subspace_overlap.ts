import type { HostMatrix } from "./host_matrix.ts";

/** Options of {@linkcode subspaceOverlap}. */
export interface OverlapOptions {
  /** How many leading columns of the first matrix span its space; all by default. */
  readonly i?: number;
  /** How many leading columns of the second matrix span its space; all by default. */
  readonly j?: number;
}

/**
 * How much of one space lies in another, 0 to 1: φ = ‖U_aᵀ U_b‖²_F / min(i, j) of the first i and j columns, which must
 * be orthonormal, as singular vectors are ([LoRA](https://arxiv.org/abs/2106.09685), section 7.2 and appendix G). It is
 * 1 where one space holds the other; i · j / (n · min(i, j)) is expected of random spaces in n dimensions.
 *
 * Throws a RangeError where the vectors differ in length, or there are fewer columns than asked for.
 *
 * @example
 * ```ts
 * import { subspaceOverlap } from "@delta-dawn/delta-lora/experiment/instruments";
 *
 * const axes = (data: number[]) => ({ data, shape: [3, 1] as const });
 * console.log(subspaceOverlap(axes([1, 0, 0]), axes([0.6, 0.8, 0]))); // 0.36
 * ```
 */
export function subspaceOverlap(
  a: HostMatrix,
  b: HostMatrix,
  { i = a.shape[1], j = b.shape[1] }: OverlapOptions = {},
): number {
  const [rows] = a.shape;
  if (rows !== b.shape[0]) {
    throw new RangeError(`Cannot compare spaces as their vectors have other lengths: ${rows} and ${b.shape[0]}`);
  }
  if (i < 1 || j < 1 || i > a.shape[1] || j > b.shape[1]) {
    throw new RangeError(`Cannot span spaces by ${i} and ${j} columns of ${a.shape[1]} and ${b.shape[1]}`);
  }
  let sum = 0;
  for (let p = 0; p < i; p++) {
    for (let q = 0; q < j; q++) {
      let dot = 0;
      for (let row = 0; row < rows; row++) dot += a.data[row * a.shape[1] + p] * b.data[row * b.shape[1] + q];
      sum += dot ** 2;
    }
  }
  return sum / Math.min(i, j);
}
