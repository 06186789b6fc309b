import {
  type AttentionChunk,
  type AttentionGradPlaces,
  type AttentionOptions,
  type AttentionPlace,
  type AttentionPlaces,
  type AttentionSizes,
  attentionUniforms,
  backwardParts,
  chunkSize,
  wholeFours,
} from "./attention.ts";
import { attentionGradFew, FEW_WORKGROUP } from "./attention_few.ts";
import { attentionGradKeyValuePlain, attentionGradQueryPlain, attentionPlain } from "./attention_plain.ts";
import { attentionGradWeights, attentionSubgroup } from "./attention_subgroup.ts";
import { matmulDispatch } from "./choose_matmul.ts";
import { addResult, storeResult } from "./epilogue.ts";
import type { Grid, Kernel } from "./kernel.ts";
import type { MatmulSizes } from "./matmul.ts";
import type { KernelTarget } from "./target.ts";
import { threefrySource } from "./threefry.ts";

/**
 * A buffer of attention: its inputs, `g` the derivative by the output and `saved` the forward result among them, scratch
 * memory for weights, and the result.
 */
export type AttentionBuffer = "q" | "k" | "v" | "g" | "saved" | "mask" | "spans" | "key" | "weights" | "result";

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
  /** Whether each query has a range of keys. */
  readonly spanned?: boolean;
}

/** Longest row, in vec4s of each lane, whose sums a subgroup keeps. */
const MAX_QUADS = 4;
/** Most keys whose weights the backward pass stores at a time, and most bytes of them. */
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
function variant(sizes: AttentionSizes, places: AttentionPlaces, { target, masked, spanned }: AttentionChoice) {
  const { H, G = H, T, S, d, causal, rate } = sizes;
  const { q, k, v, g = q } = places;
  const { subgroupSize: lanes } = target;
  const quads = lanes > 0 ? Math.ceil(d / (4 * lanes)) : 0;
  const isTiled = lanes > 0 && d % 4 === 0 && quads <= MAX_QUADS && [q, k, v, g].every(inFours);
  const width = isTiled ? 4 : 1;
  const options: AttentionOptions = {
    masked,
    causal,
    spanned,
    grouped: G < H,
    // A query whose keys are all masked sees those that come later, too.
    skips: causal && !masked && !spanned && T <= S,
    threefry: rate > 0 ? threefrySource(width) : undefined,
  };
  const tile = isTiled ? { lanes, quads } : undefined;
  return { width, options, tile, plain: { ...options, columns: Math.ceil(d / 64) } } as const;
}

/** Rows of a tile: few where there are few queries. */
const rowsFor = (count: number) => count <= 4 ? 4 : 16;
/** Rows of a forward tile: fewer, too, where their sums take a driver in software long to compile. */
const forwardRows = (T: number, quads: number) => Math.min(rowsFor(T), quads <= 2 ? 16 : 8);

/** What follows the tensors that all dispatches of one direction bind. */
function extras({ masked, spanned }: AttentionChoice, { rate }: AttentionSizes): AttentionBuffer[] {
  return [
    ...masked ? ["mask" as const] : [],
    ...spanned ? ["spans" as const] : [],
    ...rate > 0 ? ["key" as const] : [],
  ];
}

/** Attention forward. */
export function attentionDispatch(
  sizes: AttentionSizes,
  places: AttentionPlaces,
  choice: AttentionChoice,
): AttentionDispatch {
  const { B, H, T, S, d } = sizes;
  const { width, options, tile, plain } = variant(sizes, places, choice);
  const rows = tile && T > 1 ? forwardRows(T, tile.quads) : 1;
  return {
    kernel: tile ? attentionSubgroup({ ...tile, rows }, options) : attentionPlain(plain),
    grid: checkGrid([Math.ceil(T / rows), H, B]),
    uniforms: attentionUniforms(sizes, places, { width }),
    operations: 4 * B * H * T * S * d,
    buffers: ["q", "k", "v", ...extras(choice, sizes), "result"],
  };
}

/** Products of the stored weights of a chunk of keys. */
interface GradProducts {
  readonly target: KernelTarget;
  readonly chunk: AttentionChunk;
  /** Whether queries in front of the chunk see none of it. */
  readonly skips: boolean;
}

/**
 * The three derivatives as products of the stored weights of a chunk of keys with k, q and the derivative by the output.
 * Heads that share keys and values take their turns: the first of each group stores derivatives by them, the others add.
 */
function gradProducts(
  sizes: AttentionSizes,
  places: AttentionGradPlaces,
  { target, chunk, skips }: GradProducts,
): AttentionDispatch[] {
  const { B, H, G = H, T, S, d } = sizes;
  const { q, k, g } = places;
  const { start, count } = chunk;
  const [width, group] = [wholeFours(count), H / G];
  const slopes = chunkSize(sizes, chunk);
  const parts = backwardParts(sizes);
  const ahead = skips ? Math.min(T - 1, Math.max(0, start + T - S)) : 0;
  const batches = { inner: G, batch: B * G };
  const product = (layout: "nn" | "tn", matrix: AttentionBuffer, sizes: MatmulSizes, adds: boolean) => ({
    ...matmulDispatch(layout, sizes, { target, epilogue: adds ? addResult : storeResult }),
    buffers: ["weights", matrix, "result"] as const,
  });
  /** The stored rows of the queries of every group's head of that number. */
  const weights = (head: number, first: number) => (
    { lda: width, a0: H * T * width, a1: group * T * width, offsetA: first + (head * T + ahead) * width }
  );
  /** Their rows of a tensor of all heads. */
  const queries = ({ offset, batch, head: stride, row }: AttentionPlace, head: number) => (
    { ldb: row, b0: batch, b1: group * stride, offsetB: offset + head * stride + ahead * row }
  );
  const keys = { ldb: k.row, b0: k.batch, b1: k.head, offsetB: k.offset + start * k.row };
  const ofQueries = (head: number) => (
    { ldc: H * d, c0: T * H * d, c1: group * d, offsetC: head * d + ahead * H * d }
  );
  const ofKeys = (first: number) => ({ ldc: G * d, c0: S * G * d, c1: d, offsetC: first + start * G * d });
  const heads = Array.from({ length: group }, (_, head) => head);
  const byQuery = heads.map((head) => {
    const sizes = { ...batches, m: T - ahead, n: d, k: count, ...weights(head, slopes), ...keys, ...ofQueries(head) };
    return product("nn", "k", sizes, start > 0);
  });
  if (T < 4) return [...byQuery, gradFew(sizes, places, chunk)];
  const sums = { ...batches, m: count, n: d, k: T - ahead };
  return [
    ...byQuery,
    ...heads.flatMap((head) => [
      product("tn", "q", { ...sums, ...weights(head, slopes), ...queries(q, head), ...ofKeys(parts.k) }, head > 0),
      product("tn", "g", { ...sums, ...weights(head, 0), ...queries(g, head), ...ofKeys(parts.v) }, head > 0),
    ]),
  ];
}

/** The derivatives by k and v from the stored weights of a few queries. */
function gradFew(
  sizes: AttentionSizes,
  places: AttentionGradPlaces,
  chunk: AttentionChunk,
): AttentionDispatch {
  const { B, H, G = H, T, d } = sizes;
  return {
    kernel: attentionGradFew({ grouped: G < H }),
    grid: checkGrid([Math.ceil(Math.ceil(chunk.count / 4) * (d / 4) / FEW_WORKGROUP), G, B]),
    uniforms: attentionUniforms(sizes, places, { width: 4, chunk }),
    operations: 4 * B * H * T * chunk.count * d,
    buffers: ["weights", "q", "g", "result"],
  };
}

/** Keys whose weights are stored together: as many as memory of a fixed size holds, so that it grows with T alone. */
function chunkOf(sizes: AttentionSizes): number {
  // That of one cell decides, so that its sums have the same order whatever others there are.
  const each = 8 * chunkSize({ ...sizes, B: sizes.cellBatches ?? sizes.B }, { start: 0, count: 4 }) / 4;
  const most = Math.min(LONGEST_STORED, Math.floor(MOST_STORED / each));
  // Whole blocks of keys.
  return Math.min(sizes.S, most - most % 32);
}

/**
 * Attention backward, with the bytes of scratch memory for weights. Where subgroups compute, the weights of up to 256
 * keys are stored at a time, and the products' own kernels make the derivatives; else nothing is stored but the numbers
 * of rows.
 */
export function attentionGradDispatches(
  sizes: AttentionSizes,
  places: AttentionGradPlaces,
  choice: AttentionChoice,
): { readonly dispatches: readonly AttentionDispatch[]; readonly weights: number } {
  const { B, H, G = H, T, S, d, causal } = sizes;
  const { width, options, tile, plain } = variant(sizes, places, choice);
  const more = extras(choice, sizes);
  const skips = causal && !choice.masked && T <= S;
  const product = 2 * B * H * T * d;
  const size = tile ? chunkOf(sizes) : 0;
  if (tile && size > 0) {
    const rows = rowsFor(T);
    const dispatches: AttentionDispatch[] = [];
    for (let start = 0; start < S; start += size) {
      const chunk = { start, count: Math.min(size, S - start) };
      const kernel = attentionGradWeights({ ...tile, rows, quads: 1 }, options);
      dispatches.push(
        {
          kernel,
          grid: checkGrid([Math.ceil(T / rows), H, B]),
          uniforms: attentionUniforms(sizes, places, { width, chunk }),
          operations: 2 * product * chunk.count,
          buffers: ["q", "k", "v", "g", "saved", ...more, "weights"],
        },
        ...gradProducts(sizes, places, { target: choice.target, chunk, skips }),
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
        operations: 3 * product * S,
        buffers: ["q", "k", "v", "g", "saved", ...more, "result"],
      },
      {
        kernel: attentionGradKeyValuePlain(plain),
        grid: checkGrid([S, G, B]),
        uniforms,
        operations: 4 * product * S,
        buffers: ["q", "k", "v", "g", ...more, "result"],
      },
    ],
    weights: 0,
  };
}
