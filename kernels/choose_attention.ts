import {
  type AttentionChunk,
  type AttentionOptions,
  type AttentionPlace,
  type AttentionPlaces,
  type AttentionSizes,
  attentionUniforms,
  backwardParts,
  chunkSize,
  wholeFours,
} from "./attention.ts";
import { attentionGradKeyValuePlain, attentionGradQueryPlain, attentionPlain } from "./attention_plain.ts";
import { attentionGradWeights, attentionSubgroup } from "./attention_subgroup.ts";
import { matmulDispatch, variantDispatch } from "./choose_matmul.ts";
import { type Finish, storeResult } from "./finish.ts";
import type { Grid, Kernel } from "./kernel.ts";
import type { MatmulSizes } from "./matmul.ts";
import type { KernelTarget } from "./target.ts";
import { threefrySource } from "./threefry.ts";

/**
 * A buffer of attention: its inputs, `g` the derivative by the output and `saved` the forward result among them, scratch
 * memory for weights, and the result.
 */
export type AttentionBuffer = "q" | "k" | "v" | "g" | "saved" | "mask" | "key" | "weights" | "result";

/** A dispatch of an attention kernel. */
export interface AttentionDispatch {
  readonly kernel: Kernel;
  readonly grid: Grid;
  readonly uniforms: Uint32Array;
  /** Multiplications and additions. */
  readonly operations: number;
  /** What it binds, in order. */
  readonly buffers: readonly AttentionBuffer[];
}

/** What the choice depends on beside sizes. */
export interface AttentionChoice {
  readonly target: KernelTarget;
  readonly masked: boolean;
}

/** Longest row, in vec4s of each lane, whose sums a subgroup keeps. */
const MAX_QUADS = 4;
/** Most queries whose weights the backward pass stores at a time, and most bytes of them. */
const LONGEST_STORED = 256;
const MOST_STORED = 2 ** 26;

const inFours = ({ offset, batch, head, row }: AttentionPlace) => [offset, batch, head, row].every((x) => x % 4 === 0);

/** The largest grid of a device is 65,535 along each axis. */
function checkGrid(grid: Grid): Grid {
  if (grid.some((count) => count > 65_535)) {
    throw new RangeError(`attention: needs a grid of ${grid.join(" × ")}, and an axis has 65,535 at most`);
  }
  return grid;
}

/** How the kernels are told apart: by the tile of a subgroup, or plain. */
function variant(sizes: AttentionSizes, places: AttentionPlaces, { target, masked }: AttentionChoice) {
  const { d, rate } = sizes;
  const { subgroupSize: lanes } = target;
  const quads = lanes > 0 ? Math.ceil(d / (4 * lanes)) : 0;
  const isTiled = lanes > 0 && d % 4 === 0 && quads <= MAX_QUADS && Object.values(places).every(inFours);
  const width = isTiled ? 4 : 1;
  const options: AttentionOptions = { masked, threefry: rate > 0 ? threefrySource(width) : undefined };
  const tile = isTiled ? { lanes, quads } : undefined;
  return { width, options, tile, plain: { ...options, columns: Math.ceil(d / 64) } } as const;
}

/** Rows of a tile: few where there are few queries. */
const rowsFor = (count: number) => count <= 4 ? 4 : 16;
/** Rows of a forward tile: fewer, too, where their sums take a driver in software long to compile. */
const forwardRows = (T: number, quads: number) => Math.min(rowsFor(T), quads === 1 ? 16 : quads === 2 ? 8 : 4);

/** What follows the tensors that all dispatches of one direction bind. */
function extras({ masked }: AttentionChoice, { rate }: AttentionSizes): AttentionBuffer[] {
  return [...masked ? ["mask" as const] : [], ...rate > 0 ? ["key" as const] : []];
}

/** Attention forward. */
export function attentionDispatch(
  sizes: AttentionSizes,
  places: AttentionPlaces,
  choice: AttentionChoice,
): AttentionDispatch {
  const { B, H, T, S, d } = sizes;
  const { width, options, tile, plain } = variant(sizes, places, choice);
  const rows = tile ? forwardRows(T, tile.quads) : 1;
  return {
    kernel: tile ? attentionSubgroup({ ...tile, rows }, options) : attentionPlain(plain),
    grid: checkGrid([Math.ceil(T / rows), H, B]),
    uniforms: attentionUniforms(sizes, places, { width }),
    operations: 4 * B * H * T * S * d,
    buffers: ["q", "k", "v", ...extras(choice, sizes), "result"],
  };
}

/** Adds a product to what is there. */
function addResult(width: 1 | 4): Finish {
  const stored = storeResult(width);
  return {
    ...stored,
    name: "_added",
    code: (first) => stored.code(first).replace("] = acc;", "] += acc;"),
  };
}

/** The three derivatives as products of the stored weights of a chunk, and q, k and the derivative by the output. */
function gradProducts(
  sizes: AttentionSizes,
  { q, k, g }: Required<AttentionPlaces>,
  { target, chunk }: { readonly target: KernelTarget; readonly chunk: AttentionChunk },
): AttentionDispatch[] {
  const { B, H, T, S, d } = sizes;
  const { start, count } = chunk;
  const parts = backwardParts(sizes);
  const width = wholeFours(S);
  const weights = { inner: H, batch: B * H, lda: width, a0: H * count * width, a1: count * width };
  const other = ({ offset, batch, head, row }: AttentionPlace, first: number) => (
    { ldb: row, b0: batch, b1: head, offsetB: offset + first * row }
  );
  const result = (rows: number, offsetC: number) => ({ ldc: H * d, c0: rows * H * d, c1: d, offsetC });
  const product = (layout: "nn" | "tn", matrix: AttentionBuffer, product: MatmulSizes): AttentionDispatch => {
    const options = { target, finish: layout === "tn" && start > 0 ? addResult : storeResult };
    // Sums of a few are not worth a tile.
    const dispatch = product.k < 4
      ? variantDispatch({ kind: "naive" }, layout, product, options)
      : matmulDispatch(layout, product, options);
    return { ...dispatch, buffers: ["weights", matrix, "result"] };
  };
  const slopes = chunkSize(sizes, chunk);
  const sums = { ...weights, m: S, n: d, k: count };
  return [
    product("nn", "k", {
      ...{ ...weights, m: count, n: d, k: S, offsetA: slopes },
      ...other(k, 0),
      ...result(T, start * H * d),
    }),
    product("tn", "q", { ...sums, offsetA: slopes, ...other(q, start), ...result(S, parts.k) }),
    product("tn", "g", { ...sums, offsetA: 0, ...other(g, start), ...result(S, parts.v) }),
  ];
}

/** Queries whose weights are stored together: as many as memory of a fixed size holds, so that it grows with S alone. */
function chunkOf(sizes: AttentionSizes): number {
  const each = 8 * chunkSize(sizes, { start: 0, count: 1 });
  const most = Math.min(LONGEST_STORED, Math.floor(MOST_STORED / each));
  // Whole blocks of rows.
  return Math.min(sizes.T, most - most % 16);
}

/**
 * Attention backward, with the bytes of scratch memory for weights. Where subgroups compute, the weights of up to 256
 * queries are stored at a time, and the products' own kernels make the derivatives; else nothing is stored but the numbers
 * of rows.
 */
export function attentionGradDispatches(
  sizes: AttentionSizes,
  places: Required<AttentionPlaces>,
  choice: AttentionChoice,
): { readonly dispatches: readonly AttentionDispatch[]; readonly weights: number } {
  const { B, H, T, S, d } = sizes;
  const { width, options, tile, plain } = variant(sizes, places, choice);
  const more = extras(choice, sizes);
  const product = 2 * B * H * S * d;
  const size = tile ? chunkOf(sizes) : 0;
  if (tile && size > 0) {
    const dispatches: AttentionDispatch[] = [];
    for (let start = 0; start < T; start += size) {
      const chunk = { start, count: Math.min(size, T - start) };
      const rows = rowsFor(chunk.count);
      const kernel = attentionGradWeights({ ...tile, rows, quads: 1 }, options);
      dispatches.push(
        {
          kernel,
          grid: checkGrid([Math.ceil(chunk.count / rows), H, B]),
          uniforms: attentionUniforms(sizes, places, { width, chunk }),
          operations: 2 * product * chunk.count,
          buffers: ["q", "k", "v", "g", "saved", ...more, "weights"],
        },
        ...gradProducts(sizes, places, { target: choice.target, chunk }),
      );
    }
    return { dispatches, weights: 8 * chunkSize(sizes, { start: 0, count: size }) };
  }
  const uniforms = attentionUniforms(sizes, places, { width: 1 });
  return {
    dispatches: [
      {
        kernel: attentionGradQueryPlain(plain),
        grid: checkGrid([T, H, B]),
        uniforms,
        operations: 3 * product * T,
        buffers: ["q", "k", "v", "g", "saved", ...more, "result"],
      },
      {
        kernel: attentionGradKeyValuePlain(plain),
        grid: checkGrid([S, H, B]),
        uniforms,
        operations: 4 * product * T,
        buffers: ["q", "k", "v", "g", ...more, "result"],
      },
    ],
    weights: 0,
  };
}
