import { branchForm } from "./branch.ts";
import { type EpilogueFor, storeResult } from "./epilogue.ts";
import type { StoredAs } from "./half.ts";
import type { Grid } from "./kernel.ts";
import {
  type MatmulLayout,
  matmulNaive,
  type MatmulSizes,
  matmulSubgroup,
  matmulTiled,
  matmulUniforms,
} from "./matmul.ts";
import { matmulNarrow } from "./matmul_narrow.ts";
import {
  matmulTexture,
  matmulTextureUniforms,
  packTexture,
  packTextureGrid,
  packTextureUniforms,
  textureSize,
} from "./matmul_texture.ts";
import type { KernelTarget, ProductDispatch } from "./target.ts";

const over = (a: number, b: number) => Math.ceil(a / b);
const inFours = (sizes: readonly number[]) => sizes.every((size) => size % 4 === 0);

/** Whether a subgroup kernel can do a product: it reads four neighbours at once, which in tn are no steps of k. */
export function fitsSubgroup(layout: MatmulLayout, sizes: MatmulSizes): boolean {
  const { m, n, k, lda, ldb, ldc, a0, a1, b0, b1, c0, c1, offsetA, offsetB, offsetC } = sizes;
  return inFours([lda, ldb, a0, a1, b0, b1, offsetA, offsetB]) && (layout === "tn" || k % 4 === 0) &&
    (layout === "nt" || inFours([n, ldc, c0, c1, offsetC])) &&
    (layout !== "tn" || inFours([m]));
}

/** Rows and columns of the second operand as it is stored. */
const storedSize = (layout: MatmulLayout, { n, k }: MatmulSizes) => layout === "nt" ? [n, k] as const : [k, n] as const;

/** How many matrices the second operands of a product are. */
const matricesOf = ({ batch, b1 }: MatmulSizes) => b1 === 0 ? 1 : batch;

/** Whether a product can read its second operand from a texture: all in fours, and at most one level of batches. */
function readsTexture(layout: MatmulLayout, sizes: MatmulSizes, target: KernelTarget): boolean {
  const { m, n, k, lda, ldc, offsetA, offsetC, a1, c1, batch, inner } = sizes;
  const [width, height] = textureSize(...storedSize(layout, sizes), matricesOf(sizes));
  return batch === inner && inFours([n, k, lda, ldc, offsetA, offsetC, a1, c1]) &&
    (layout !== "tn" || m % 4 === 0) && Math.max(width, height) <= (target.textureSize ?? 0);
}

/** Whether a copy that is made once can serve it: of a whole matrix that stays as it is. */
function fitsTexture(layout: MatmulLayout, sizes: MatmulSizes, { target, isFrozen = false }: MatmulOptions): boolean {
  const [, columns] = storedSize(layout, sizes);
  const { offsetB, ldb, batch } = sizes;
  return isFrozen && batch === 1 && offsetB === 0 && ldb === columns && layout !== "tn" &&
    readsTexture(layout, sizes, target);
}

/** Whether a copy that is made for it each time can serve it. */
function fitsPacked(layout: MatmulLayout, sizes: MatmulSizes, options: MatmulOptions): boolean {
  const { target, isFrozen = false, packs = false, weight = "f32" } = options;
  const { m, ldb, offsetB, b1 } = sizes;
  const isMutable = layout === "tn" || !isFrozen;
  return packs && isMutable && weight === "f32" && m >= PACKED_ROWS && inFours([ldb, offsetB, b1]) &&
    readsTexture(layout, sizes, target);
}

/**
 * A kernel for products: the obvious one, the textbook's, or a subgroup's tile, which reads its second operand where it
 * lies, from a texture that holds a copy for good, or from one into which it is packed each time. A narrow tile has lanes
 * that share rows of the result, `columns` of them each, and few of its columns, `rows`.
 */
export type MatmulVariant =
  | { readonly kind: "naive" }
  | { readonly kind: "tiled" }
  | {
    readonly kind: "buffer" | "texture" | "packed" | "narrow";
    readonly rows: number;
    /** Columns for each lane. */
    readonly columns: number;
  };

/** A variant's name, as it is remembered: `tiled`, `texture 16x8`. */
export function variantName(variant: MatmulVariant): string {
  return "rows" in variant ? `${variant.kind} ${variant.rows}x${variant.columns}` : variant.kind;
}

/** What the choice of a product's kernel may depend on. */
export interface MatmulOptions {
  readonly target: KernelTarget;
  readonly epilogue?: EpilogueFor;
  /** Whether the second operand is a whole matrix that stays as it is, so that a texture may hold a copy. */
  readonly isFrozen?: boolean;
  /** Whether the product may have a second dispatch ahead of it, which packs its second operand; not by default. */
  readonly packs?: boolean;
  /** How the second operand is stored, f32 by default. */
  readonly weight?: StoredAs;
}

/** Products of so many multiplications are large. */
const LARGE = 2 ** 24;
/** Products of fewer multiplications take a driver in software less time than compiling tiles does. */
const SMALL = 2 ** 18;
/** A copy into a texture pays where each element of it serves so many rows. */
const TEXTURE_ROWS = 128;
/** Packing it for one product pays where each element of it serves so many. */
const PACKED_ROWS = 384;

/** Matrices of so many elements are read once for all of up to {@linkcode FEW_ROWS} rows, and for no row that is not there. */
const READ_ONCE = 2 ** 18;
const FEW_ROWS = 16;

/** Rows of a tile: large ones for large products; small ones where others would lie idle. */
function tileRows(layout: MatmulLayout, sizes: MatmulSizes, span: number): number {
  const { m, n, k, batch } = sizes;
  // As in a step into a cache: one row, or those of some beams.
  if (layout !== "tn" && m <= FEW_ROWS && n * k >= READ_ONCE) return m === 1 ? 1 : 4 * over(m, 4);
  if (m <= 8) return 8;
  const tiles = (rows: number) => over(m, rows) * over(n, span) * batch;
  const isLarge = m * n * k * batch >= LARGE;
  if (isLarge && m >= 32 && tiles(32) >= 4 && (m % 32 === 0 || m > 128)) return 32;
  if (m % 16 === 0 || m > 24) return tiles(16) >= 2 ? 16 : 8;
  return 8;
}

/** Columns of a lane of narrow tiles, which are rows of the result. */
const NARROW_ROWS = 4;

/** The narrow tile of a product whose columns would leave half of the lanes idle, where its rows do not. */
function narrowTile({ m, n, k, branch }: MatmulSizes, lanes: number): MatmulVariant | undefined {
  const isNarrow = !branch && k % 4 === 0 && n <= 2 * lanes && m >= NARROW_ROWS * lanes;
  return isNarrow ? { kind: "narrow", rows: 4 * over(n, 4), columns: NARROW_ROWS } : undefined;
}

/** Columns of a lane on SwiftShader, where wide tiles pay and compile quickly. */
function swiftColumns(n: number, lanes: number): number {
  return n >= 16 * lanes ? 16 : n >= 8 * lanes ? 8 : 4;
}

/** The variant that is best as far as one knows without measuring: a pure function of sizes and limits. */
function heuristicVariant(layout: MatmulLayout, sizes: MatmulSizes, options: MatmulOptions): MatmulVariant {
  const { target } = options;
  const { m, n, k, batch } = sizes;
  const isLittle = m * n * k * batch < SMALL;
  // Tiles that end anywhere are kernels of their own, which are to be worth compiling.
  const isTile = fitsSubgroup(layout, sizes) && (k % 4 === 0 || !isLittle);
  if (target.subgroupSize > 0 && target.isSoftware && isTile) {
    const lanes = target.subgroupSize;
    const narrow = narrowTile(sizes, lanes);
    if (narrow) return narrow;
    if (target.driver === "lavapipe" && m * n * k * batch >= LARGE && m >= TEXTURE_ROWS) {
      const columns = n >= 8 * lanes ? 8 : 4;
      if (fitsTexture(layout, sizes, options)) return { kind: "texture", rows: 16, columns };
      if (fitsPacked(layout, sizes, options)) {
        return layout === "tn" ? { kind: "packed", rows: 32, columns: 4 } : { kind: "packed", rows: 16, columns };
      }
    }
    const columns = target.driver === "swiftshader" ? swiftColumns(n, lanes) : 4;
    return { kind: "buffer", rows: tileRows(layout, sizes, lanes * columns), columns };
  }
  const isSmall = m * n <= 1024 || m < 8 || n < 8 || (target.isSoftware && isLittle);
  return isSmall ? { kind: "naive" } : { kind: "tiled" };
}

/** Tiles that are worth measuring: rows, and columns for each lane. */
const TILES = [[8, 4], [16, 4], [32, 4], [16, 8], [32, 8], [16, 16]] as const;
/** Elements of C for each lane beyond which only SwiftShader compiles a tile in less than seconds. */
const COMPILED_QUICKLY = 128;
/** Products of fewer multiplications take less time than their dispatch: nothing is measured for them. */
const MEASURABLE = 2 ** 22;

/** All variants that can do a product and are worth measuring, by their names, the heuristic one first. */
export function matmulVariants(
  layout: MatmulLayout,
  sizes: MatmulSizes,
  options: MatmulOptions,
): ReadonlyMap<string, MatmulVariant> {
  const { target } = options;
  const variants: MatmulVariant[] = [heuristicVariant(layout, sizes, options)];
  if (!target.isSoftware) variants.push({ kind: "tiled" });
  if (target.subgroupSize > 0 && fitsSubgroup(layout, sizes)) {
    const hasTexture = sizes.m >= TEXTURE_ROWS && fitsTexture(layout, sizes, options);
    const isPacked = fitsPacked(layout, sizes, options);
    for (const [rows, columns] of TILES) {
      const isUseful = rows < 2 * sizes.m && columns * target.subgroupSize < 2 * sizes.n;
      const isQuick = rows * columns <= COMPILED_QUICKLY || target.driver === "swiftshader";
      if (!isUseful || !isQuick) continue;
      variants.push({ kind: "buffer", rows, columns });
      if (hasTexture) variants.push({ kind: "texture", rows, columns });
      if (isPacked) variants.push({ kind: "packed", rows, columns });
    }
  }
  return new Map(variants.map((variant) => [variantName(variant), variant]));
}

/** The next power of two: sizes up to it are of one class. */
const classOf = (size: number) => 2 ** Math.ceil(Math.log2(Math.max(1, size)));

/** The class of products that one measurement speaks for; `undefined` for those that are too small to be measured. */
function matmulClass(layout: MatmulLayout, sizes: MatmulSizes, options: MatmulOptions): string | undefined {
  const { m, n, k, batch } = sizes;
  if (m * n * k * batch < MEASURABLE) return undefined;
  const { epilogue = storeResult, isFrozen = false, weight = "f32" } = options;
  const words = [layout, [m, n, k].map(classOf).join("x")];
  if (batch > 1) words.push(`batch ${classOf(batch)}`);
  if (isFrozen) words.push("frozen");
  if (weight !== "f32") words.push(weight);
  if (epilogue(4).name) words.push("epilogue");
  return words.join(" ");
}

/** A product by a variant as a dispatch. */
export function variantDispatch(
  variant: MatmulVariant,
  layout: MatmulLayout,
  sizes: MatmulSizes,
  options: MatmulOptions,
): ProductDispatch {
  const { target, epilogue: epilogueFor = storeResult, weight } = options;
  const { m, n, k, batch, ldc, c0, c1, offsetC } = sizes;
  const branch = sizes.branch?.layout;
  const operations = 2 * m * n * batch * (k + (sizes.branch?.r ?? 0));
  if (variant.kind === "naive" || variant.kind === "tiled") {
    const epilogue = epilogueFor(1);
    const [kernel, side] = variant.kind === "naive"
      ? [matmulNaive(layout, epilogue, branch, weight), 8] as const
      : [matmulTiled(layout, epilogue, branch, weight), 64] as const;
    return {
      kernel,
      grid: [over(m, side), over(n, side), batch],
      uniforms: matmulUniforms(sizes, epilogue),
      operations,
    };
  }
  const { rows, columns } = variant;
  const tile = { lanes: target.subgroupSize, rows, columns, endsAnywhere: k % 4 !== 0 };
  const isQuad = inFours([n, ldc, c0, c1, offsetC]);
  const epilogue = epilogueFor(isQuad ? 4 : 1);
  const form = sizes.branch && branchForm(sizes.branch, { n, isQuad });
  if (variant.kind === "narrow") {
    return {
      kernel: matmulNarrow(layout, tile, epilogue, weight),
      grid: [over(m, tile.lanes * columns), over(n, rows), batch],
      uniforms: matmulUniforms(sizes, epilogue),
      operations,
    };
  }
  // Rows first: neighbours in time share the panel of B.
  const grid: Grid = [over(m, rows), over(n, tile.lanes * columns), batch];
  if (variant.kind === "buffer") {
    return {
      kernel: matmulSubgroup(layout, tile, epilogue, form, weight),
      grid,
      uniforms: matmulUniforms(sizes, epilogue),
      operations,
    };
  }
  const stored = storedSize(layout, sizes);
  const matrices = matricesOf(sizes);
  const dispatch = {
    kernel: matmulTexture(layout, tile, epilogue, form, weight),
    grid,
    uniforms: matmulTextureUniforms(layout, sizes, epilogue),
    operations,
    texture: textureSize(...stored, matrices),
  };
  if (variant.kind === "texture") return dispatch;
  const uniforms = packTextureUniforms(...stored, { stride: sizes.ldb, offset: sizes.offsetB, next: sizes.b1 });
  return { ...dispatch, pack: { kernel: packTexture(), grid: packTextureGrid(...stored, matrices), uniforms } };
}

function variantFor(layout: MatmulLayout, sizes: MatmulSizes, options: MatmulOptions): MatmulVariant {
  const { measured } = options.target;
  const name = measured && matmulClass(layout, sizes, options);
  if (measured && name) {
    const variants = matmulVariants(layout, sizes, options);
    // A branch is small beside its base: it does not change which variant is the fastest.
    const plain = { ...sizes, branch: undefined };
    const dispatch = (variant: MatmulVariant) => () => variantDispatch(variant, layout, plain, options);
    const { m, n, k, batch } = sizes;
    const best = measured(name, () => ({
      variants: new Map(Array.from(variants, ([name, variant]) => [name, dispatch(variant)])),
      elements: batch * Math.max(m * k, k * n, m * n),
    }));
    const variant = best && variants.get(best);
    if (variant) return variant;
  }
  return heuristicVariant(layout, sizes, options);
}

/**
 * A product as a dispatch: by the variant that was measured to be the fastest on this device, else by the heuristic one.
 * Every variant sums each element of C by one chain of fma over ascending k, so the choice does not change a bit.
 *
 * Throws a RangeError where there are more products than a grid can hold.
 */
export function matmulDispatch(layout: MatmulLayout, sizes: MatmulSizes, options: MatmulOptions): ProductDispatch {
  if (sizes.batch > 65_535) {
    throw new RangeError(`matmul: ${sizes.batch} products are more than the 65,535 of one dispatch`);
  }
  return variantDispatch(variantFor(layout, sizes, options), layout, sizes, options);
}
