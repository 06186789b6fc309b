import { type Finish, type FinishFor, storeResult } from "./finish.ts";
import type { Grid, Kernel } from "./kernel.ts";
import {
  type MatmulLayout,
  matmulNaive,
  type MatmulSizes,
  matmulSubgroup,
  matmulTiled,
  matmulUniforms,
} from "./matmul.ts";
import type { KernelTarget } from "./target.ts";

const over = (a: number, b: number) => Math.ceil(a / b);

/** Whether a subgroup kernel can do a product: it reads four neighbours at once. */
export function fitsSubgroup(layout: MatmulLayout, sizes: MatmulSizes): boolean {
  const { m, n, k, lda, ldb, ldc, a0, a1, b0, b1, c0, c1, offsetA, offsetB, offsetC } = sizes;
  const inFours = [k, lda, ldb, a0, a1, b0, b1, offsetA, offsetB];
  if (layout !== "nt") inFours.push(n, ldc, c0, c1, offsetC);
  if (layout === "tn") inFours.push(m);
  return inFours.every((size) => size % 4 === 0);
}

/** Rows of a tile: large ones for large products; small ones where others would lie idle. */
function tileRows(sizes: MatmulSizes, span: number): number {
  const { m, n, k, batch } = sizes;
  if (m <= 8) return 8;
  const tiles = (rows: number) => over(m, rows) * over(n, span) * batch;
  const isLarge = m * n * k * batch >= 2 ** 24;
  if (isLarge && m >= 32 && tiles(32) >= 4 && (m % 32 === 0 || m > 128)) return 32;
  if (m % 16 === 0 || m > 24) return tiles(16) >= 2 ? 16 : 8;
  return 8;
}

/** Columns of a lane on SwiftShader, where wide tiles pay and compile quickly. */
function swiftColumns(n: number, lanes: number): number {
  return n >= 16 * lanes ? 16 : n >= 8 * lanes ? 8 : 4;
}

/**
 * The kernel for a product on an adapter: a pure function of sizes and limits. Every candidate sums each element of C by
 * one chain of fma over ascending k, so the choice does not change a bit.
 */
export function chooseMatmul(
  layout: MatmulLayout,
  sizes: MatmulSizes,
  options: { readonly target: KernelTarget; readonly finish?: FinishFor },
): { kernel: Kernel; grid: Grid; finish: Finish } {
  const { target, finish: finishFor = storeResult } = options;
  const { m, n, batch } = sizes;
  if (target.subgroupSize > 0 && target.isSoftware && fitsSubgroup(layout, sizes)) {
    const lanes = target.subgroupSize;
    const columns = target.adapter === "swiftshader" ? swiftColumns(n, lanes) : 4;
    const rows = tileRows(sizes, lanes * columns);
    const { ldc, c0, c1, offsetC } = sizes;
    const finish = finishFor([n, ldc, c0, c1, offsetC].every((size) => size % 4 === 0) ? 4 : 1);
    const kernel = matmulSubgroup(layout, { lanes, rows, columns }, finish);
    // Rows first: neighbours in time share the panel of B.
    return { kernel, grid: [over(m, rows), over(n, lanes * columns), batch], finish };
  }
  const finish = finishFor(1);
  if (m * n <= 1024 || m < 8 || n < 8) {
    return { kernel: matmulNaive(layout, finish), grid: [over(m, 8), over(n, 8), batch], finish };
  }
  return { kernel: matmulTiled(layout, finish), grid: [over(m, 64), over(n, 64), batch], finish };
}

/** A product as one dispatch of (A, B, then the buffers of `finish`). */
export interface MatmulDispatch {
  readonly kernel: Kernel;
  readonly grid: Grid;
  readonly uniforms: Uint32Array;
  /** Multiplications and additions. */
  readonly operations: number;
}

/** A product as a dispatch. Throws a RangeError where there are more products than a grid can hold. */
export function matmulDispatch(
  layout: MatmulLayout,
  sizes: MatmulSizes,
  options: { readonly target: KernelTarget; readonly finish?: FinishFor },
): MatmulDispatch {
  if (sizes.batch > 65_535) {
    throw new RangeError(`matmul: ${sizes.batch} products are more than the 65,535 of one dispatch`);
  }
  const { kernel, grid, finish } = chooseMatmul(layout, sizes, options);
  const operations = 2 * sizes.m * sizes.n * sizes.k * sizes.batch;
  return { kernel, grid, uniforms: matmulUniforms(sizes, finish), operations };
}
