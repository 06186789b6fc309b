import type { Kernel } from "./kernel.ts";

/** Where a tensor of `[B, H, T, d]` lies in its buffer, in elements; the elements of a row lie together. */
export interface AttentionPlace {
  readonly offset: number;
  /** Strides of batch, head and position. */
  readonly batch: number;
  readonly head: number;
  readonly row: number;
}

/** Sizes of attention: B batches of H heads, T queries and S keys of d elements. */
export interface AttentionSizes {
  readonly B: number;
  readonly H: number;
  /** Heads of keys and values, each of which H / G heads of queries share; H by default. */
  readonly G?: number;
  readonly T: number;
  readonly S: number;
  readonly d: number;
  /** Whether a query sees only keys up to its own place, the last query that of the last key. */
  readonly causal: boolean;
  /** Share of the weights that is dropped, 0 where there is no key. */
  readonly rate: number;
  /** Batches that make one cell, whose random numbers begin anew; all of them by default. */
  readonly cellBatches?: number;
}

/** What is read through strides; `g` is the derivative by the output, of the backward kernels alone. */
export interface AttentionPlaces {
  readonly q: AttentionPlace;
  readonly k: AttentionPlace;
  readonly v: AttentionPlace;
  readonly g?: AttentionPlace;
  /** First word of the key of dropout in its buffer. */
  readonly key?: number;
  /** From the key of one cell to that of the next; 0, the default, where they share one. */
  readonly nextKey?: number;
}

/** What the backward kernels read. */
export type AttentionGradPlaces = AttentionPlaces & { readonly g: AttentionPlace };

/** What an attention kernel does beside the products. */
export interface AttentionOptions {
  /** Whether keys are masked: a binding i32 `[B, S]`, 0 for what nobody attends to. */
  readonly masked: boolean;
  /** Whether a query sees only keys up to its own place. */
  readonly causal: boolean;
  /** Whether each query has a range of keys: a binding i32 `[B, T, 2]`, the first one and the one past the last. */
  readonly spanned?: boolean;
  /** Whether heads share keys and values. */
  readonly grouped?: boolean;
  /** Whether blocks of keys are left out that come too late for all queries of a tile: what causality alone hides. */
  readonly skips?: boolean;
  /** Text of `threefry`, where weights are dropped: a binding with the two words of a key. For the width of the kernel. */
  readonly threefry?: string;
}

/** Of what the backward kernels make: derivatives by q, k, v `[B, T, H, d]` one after the other, then the rows' numbers. */
export interface AttentionParts {
  /** First elements of the derivatives by k and v, and of the numbers of rows. */
  readonly k: number;
  readonly v: number;
  readonly rows: number;
  /** Elements in all. */
  readonly size: number;
}

/**
 * What is kept of each row of scores, `[B, H, T]` of four f32: the largest score, 1 / Σ exp(score − largest), Σ g·o (in
 * the backward pass) and nothing.
 */
export const ROW_NUMBERS = 4;
/** What masked scores get: finite, so that a row that is masked whole stays finite. */
export const MASKED = -1e30;

/** Up to the next multiple of four. */
export const wholeFours = (size: number) => Math.ceil(size / 4) * 4;

/**
 * First element of the numbers of rows behind the output `[B, T, H, d]`, and elements in all: so many for each batch, so
 * that those of several cells are those of all their batches.
 */
export function forwardParts({ B, H, T, d }: AttentionSizes): { readonly rows: number; readonly size: number } {
  const rows = B * wholeFours(T * H * d);
  return { rows, size: rows + B * H * T * ROW_NUMBERS };
}

/** Where the parts of the backward kernels' result begin: all are so many elements for each batch. */
export function backwardParts({ B, H, G = H, T, S, d }: AttentionSizes): AttentionParts {
  const k = B * T * H * d;
  const v = k + B * S * G * d;
  const rows = B * wholeFours((T * H + 2 * S * G) * d);
  return { k, v, rows, size: rows + B * H * T * ROW_NUMBERS };
}

/** Keys whose weights, of all queries, are stored together. */
export interface AttentionChunk {
  /** The first key. */
  readonly start: number;
  readonly count: number;
}

/** Elements of each of the two arrays of weights of a chunk. */
export function chunkSize({ B, H, T }: AttentionSizes, { count }: AttentionChunk): number {
  return B * H * T * wholeFours(count);
}

/** Uniforms of every attention kernel that works on so many elements at once; `chunk` is for those that store weights. */
export function attentionUniforms(
  sizes: AttentionSizes,
  places: AttentionPlaces,
  { width, chunk }: { readonly width: 1 | 4; readonly chunk?: AttentionChunk },
): Uint32Array {
  const { H, T, S, d, rate } = sizes;
  const place = ({ offset, batch, head, row }: AttentionPlace) => [offset, batch, head, row].map((x) => x / width);
  const { k, v, rows } = backwardParts(sizes);
  const words = Uint32Array.from([
    ...[T, S, H, d / width],
    ...[0, 0, 0, 0],
    ...[places.q, places.k, places.v, places.g ?? places.q].flatMap(place),
    ...[forwardParts(sizes).rows, k, v, rows].map((x) => x / width),
    ...[chunk?.start ?? 0, chunk?.count ?? S, chunk ? chunkSize(sizes, chunk) / width : 0, places.key ?? 0],
    ...[sizes.cellBatches ?? sizes.B, places.nextKey ?? 0, H / (sizes.G ?? H), 0],
  ]);
  new Float32Array(words.buffer).set([1 / Math.sqrt(d), 1 - rate, 1 / (1 - rate)], 4);
  new Int32Array(words.buffer)[7] = S - T;
  return words;
}

/** Less than any score: that of what lies behind the last key, or outside of a query's range. */
export const OUTSIDE = "-3e38";

/**
 * Declares `firstKey` and `endKey`: the keys, by whole blocks at the beginning, that any of the queries `m0` and so many after it
 * sees. The bounds are the same in all threads of a workgroup.
 */
export function keyRange(
  { causal, spanned = false, skips = false }: AttentionOptions,
  { rows, block }: { readonly rows: number; readonly block: number },
): string {
  const causalEnd = `u32(clamp(i32(m0 + ${rows}u) + d.reach, 0, i32(d.S)))`;
  if (!spanned) {
    return skips ? `  let firstKey = 0u; let endKey = ${causalEnd};` : "  let firstKey = 0u; let endKey = d.S;";
  }
  return `  var firstKey = d.S;
  var endKey = 0u;
  for (var t = m0; t < min(m0 + ${rows}u, d.T); t++) {
    let span = spanOf(w, t);
    if (span.x < span.y) { firstKey = min(firstKey, span.x); endKey = max(endKey, span.y); }
  }
  firstKey = firstKey / ${block}u * ${block}u;${causal ? `\n  endKey = min(endKey, ${causalEnd});` : ""}`;
}

/** What all attention kernels declare: their arrays, then the mask, the key of dropout and the result. */
export function attentionSource(
  { name, arrays, width, body, enable = "" }: {
    readonly name: string;
    /** Names of what is read. */
    readonly arrays: readonly string[];
    readonly width: 1 | 4;
    /** Functions. */
    readonly body: string;
    readonly enable?: string;
  },
  { masked, causal, spanned = false, grouped = false, skips = false, threefry }: AttentionOptions,
): Kernel {
  const [type, count, int, bool] = ["f32", "u32", "i32", "bool"].map((of) => width === 4 ? `vec4<${of}>` : of);
  const read = [
    ...arrays.map((array) => [array, type]),
    ...masked ? [["M", "i32"]] : [],
    ...spanned ? [["N", "i32"]] : [],
    ...threefry ? [["D", "u32"]] : [],
  ];
  const declared = read.map(([array, of], i) =>
    `@group(0) @binding(${i}) var<storage, read> ${array}: array<${of}>;\n`
  );
  const kinds = { masked, causal, spanned, grouped, skipping: skips, dropout: threefry !== undefined };
  return {
    name: [name, ...Object.entries(kinds).flatMap(([kind, is]) => is ? [kind] : [])].join("_"),
    bindings: [...read.map(() => "read" as const), "read_write"],
    code: `${enable}struct Sizes {
  T: u32, S: u32, H: u32, depth: u32,
  scale: f32, keep: f32, factor: f32, reach: i32,
  q: vec4<u32>, k: vec4<u32>, v: vec4<u32>, g: vec4<u32>,
  rows: u32, toK: u32, toV: u32, toRows: u32,
  start: u32, count: u32, half: u32, key: u32,
  cellBatches: u32, nextKey: u32, group: u32, pad1: u32,
}
${declared.join("")}@group(0) @binding(${read.length}) var<storage, read_write> Y: array<${type}>;
@group(0) @binding(${read.length + 1}) var<uniform> d: Sizes;
${threefry ?? ""}// Where the matrix of a head begins, and which row of [B, H, T] is its first one.
fn first(place: vec4<u32>, w: vec3<u32>) -> u32 { return place.x + w.z * place.y + w.y * place.z; }
${
      grouped
        ? `// The place of the head of keys and values that a head of queries shares.
fn keyHead(w: vec3<u32>) -> vec3<u32> { return vec3<u32>(w.x, w.y / d.group, w.z); }
// Where a row of a result [B, rows, G, d] begins.
fn keyRow(w: vec3<u32>, row: u32, rows: u32) -> u32 { return ((w.z * rows + row) * (d.H / d.group) + w.y) * d.depth; }
`
        : ""
    }${
      spanned
        ? `// The first key that a query sees, and the one past the last.
fn spanOf(w: vec3<u32>, t: u32) -> vec2<u32> {
  let at = 2u * (w.z * d.T + t);
  return vec2<u32>(vec2<i32>(max(N[at], 0), clamp(N[at + 1u], 0, i32(d.S))));
}
`
        : ""
    }// Where a row of a result [B, rows, H, d] begins.
fn rowOf(w: vec3<u32>, row: u32, rows: u32) -> u32 { return ((w.z * rows + row) * d.H + w.y) * d.depth; }
${
      causal
        ? `fn isUnseen(t: ${count}, s: ${count}) -> ${bool} { return ${int}(s) > ${int}(t) + d.reach; }
`
        : ""
    }${
      threefry
        ? `// Whether a weight stays: by the bits that a tensor [B, H, T, S] of random numbers would have in each cell.
fn keep(w: vec3<u32>, t: ${count}, s: ${count}) -> ${bool} {
  let place = ((w.z % d.cellBatches * d.H + w.y) * d.T + t) * d.S + s;
  let key = d.key + w.z / d.cellBatches * d.nextKey;
  let word = threefry(${count}(D[key]), ${count}(D[key + 1u]), place, ${count}(0u), ${count}(0u));
  return ${type}(word >> ${count}(8u)) * 5.9604644775390625e-8 < ${type}(d.keep);
}
`
        : ""
    }${body}`,
  };
}
