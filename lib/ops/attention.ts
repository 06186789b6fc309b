import { type AttentionPlace, type AttentionSizes, backwardParts, forwardParts } from "../../kernels/attention.ts";
import {
  type AttentionBuffer,
  type AttentionDispatch,
  attentionDispatch,
  attentionGradDispatches,
} from "../../kernels/choose_attention.ts";
import { broadcastShapes, formatShape, sameShape, type Shape, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { isContiguous, permuteView, reshapeView, sliceView, type View } from "../tensor/view.ts";
import {
  type AttentionOptions,
  attentionWeights,
  dropWeights,
  ofEachHead,
  ofScores,
  ofSharedHeads,
  seenKeys,
} from "./attention_by_parts.ts";
import { referenceAttention, referenceAttentionGrad } from "./attention_reference.ts";
import { joinCells, ofEachCell, partCells } from "./batching.ts";
import { broadcastTo } from "./broadcast.ts";
import { cast } from "./cast.ts";
import { zeros } from "./full.ts";
import { requireDType } from "./elementwise.ts";
import { apply, type BatchSite, type BufferRef, type Dispatch, type Primitive } from "./primitive.ts";
import { reshape, transpose, transposePrimitive } from "./reshape.ts";
import { concat, padPrimitive, select, split } from "./slice.ts";
import { where } from "./where.ts";

/** Swaps heads and positions. */
const HEADS = [0, 2, 1, 3];

/** Parameters of the attention primitives. */
export interface AttentionParams {
  readonly causal: boolean;
  /** Share of the weights that is dropped; 0 where there is no key. */
  readonly rate: number;
  /** Whether there is a mask among the inputs. */
  readonly masked: boolean;
  /** Whether there are ranges of keys among the inputs. */
  readonly spanned: boolean;
  /** How many cells lie one behind the other along B, each of which draws from 0 on. */
  readonly cells: number;
}

function sizesOf(q: { readonly shape: Shape }, k: { readonly shape: Shape }, params: AttentionParams): AttentionSizes {
  const [B, H, T, d] = q.shape;
  const [, G, S] = k.shape;
  return { B, H, G, T, S, d, causal: params.causal, rate: params.rate, cellBatches: B / params.cells };
}

/** Inputs after q, k, v and `own` others: a mask, ranges of keys and a key, where there are such. */
function extras<T>(inputs: readonly T[], own: number, { masked, spanned, rate }: AttentionParams) {
  const rest = inputs.slice(own);
  const at = (isThere: boolean) => isThere ? rest.shift() : undefined;
  return { mask: at(masked), spans: at(spanned), key: at(rate > 0) };
}

/** A dispatch with its buffers found among inputs, which are named tensors, then a mask, ranges and a key where there are such. */
function bind(
  dispatch: AttentionDispatch,
  names: readonly AttentionBuffer[],
  { masked, spanned, rate }: AttentionParams,
): Dispatch {
  const inputs = [...names, ...masked ? ["mask"] : [], ...spanned ? ["spans"] : [], ...rate > 0 ? ["key"] : []];
  const refOf = (name: AttentionBuffer): BufferRef =>
    name === "result" ? "output" : name === "weights" ? { scratch: 0 } : { input: inputs.indexOf(name) };
  return { ...dispatch, buffers: dispatch.buffers.map(refOf) };
}

/** Where the key, one `[2]` or one of each cell `[cells, 2]`, lies. */
const keyPlace = (key?: { readonly view: View }) => ({
  key: key?.view.offset,
  nextKey: key?.view.shape.length === 2 ? key.view.shape[1] : 0,
});

const placeOf = ({ offset, strides: [batch, head, row] }: View): AttentionPlace => ({ offset, batch, head, row });

/** Whether a view's rows lie together: kernels read every other axis through strides. */
const hasRows = ({ shape, strides }: View) => shape[3] === 1 || strides[3] === 1;

/**
 * Whether kernels read an input where it lies: the `tensors` first ones by rows, a key, which is the last of all, anywhere,
 * others from the start.
 */
function isReadable(
  input: number,
  views: readonly View[],
  { tensors, rate }: { tensors: number; rate: number },
): boolean {
  const view = views[input];
  if (input < tensors) return hasRows(view);
  return isContiguous(view) && (view.offset === 0 || rate > 0 && input === views.length - 1);
}

/**
 * softmax(q·kᵀ/√d)·v: inputs q `[B, H, T, d]`, k and v `[B, G, S, d]`, mask i32 `[B, S]`, spans i32 `[B, T, 2]`, key. The
 * result is flat: the
 * output `[B, T, H, d]`, then four numbers of each row of scores: the largest score and 1 / Σ exp(score − largest) are two.
 */
export const attentionPrimitive: Primitive<AttentionParams> = {
  name: "attention",
  infer: ([q, k], params) => ({ shape: [forwardParts(sizesOf(q, k, params)).size], dtype: "f32" }),
  lowering: {
    kind: "kernel",
    accepts: (input, views, { rate }) => isReadable(input, views, { tensors: 3, rate }),
    emit({ inputs, params, target }) {
      const [q, k, v] = inputs.map(({ view }) => view);
      const sizes = sizesOf(q, k, params);
      const places = { q: placeOf(q), k: placeOf(k), v: placeOf(v), ...keyPlace(extras(inputs, 3, params).key) };
      const { masked, spanned } = params;
      const dispatch = attentionDispatch(sizes, places, { target, masked, spanned });
      return { dispatches: [bind(dispatch, ["q", "k", "v"], params)] };
    },
  },
  reference: (inputs, params) =>
    referenceAttention(inputs, sizesOf(inputs[0], inputs[1], params), extras(inputs, 3, params)),
  batch: (site) => batchCells(attentionPrimitive, site, 3),
};

/** Weights after the dropout of each cell. */
function dropOfCells(weights: Tensor, key: Tensor | undefined, { rate, cells }: AttentionParams): Tensor {
  if (!key || cells === 1) return dropWeights(weights, { dropout: rate, key: key && reshape(key, [2]) });
  const parts = split(weights, { sections: cells, axis: 0 });
  const keyOf = (index: number) => key.rank === 1 ? key : select(key, { axis: 0, index });
  return concat(parts.map((part, i) => dropWeights(part, { dropout: rate, key: keyOf(i) })));
}

/**
 * Derivatives of attention: inputs q, k, v, the derivative by the output `[B, H, T, d]`, the flat result of
 * {@linkcode attentionPrimitive}, mask, spans, key. The result is flat: derivatives by q, k and v, `[B, T, H, d]` and twice
 * `[B, S, G, d]`, then room for what kernels note of rows.
 */
export const attentionGradPrimitive: Primitive<AttentionParams> = {
  name: "attentionGrad",
  infer: ([q, k], params) => ({ shape: [backwardParts(sizesOf(q, k, params)).size], dtype: "f32" }),
  lowering: {
    kind: "kernel",
    accepts: (input, views, { rate }) => isReadable(input, views, { tensors: 4, rate }),
    emit({ inputs, params, target }) {
      const [q, k, v, g] = inputs.map(({ view }) => view);
      const sizes = sizesOf(q, k, params);
      const key = keyPlace(extras(inputs, 5, params).key);
      const places = { q: placeOf(q), k: placeOf(k), v: placeOf(v), g: placeOf(g), ...key };
      const { masked, spanned } = params;
      const { dispatches, weights } = attentionGradDispatches(sizes, places, { target, masked, spanned });
      return {
        dispatches: dispatches.map((dispatch) => bind(dispatch, ["q", "k", "v", "g", "saved"], params)),
        scratch: weights > 0 ? [weights] : [],
      };
    },
  },
  reference: (inputs, params) =>
    referenceAttentionGrad(inputs, sizesOf(inputs[0], inputs[1], params), extras(inputs, 5, params)),
  decompose(inputs, params) {
    const [q, k, v, g] = inputs;
    const sizes = sizesOf(q, k, params);
    const { mask, spans, key } = extras(inputs, 5, params);
    const weights = attentionWeights(q, k, { mask, spans, causal: params.causal });
    const drop = (x: Tensor) => dropOfCells(x, key, params);
    const slopes = drop(g.matmul(ofEachHead(v, q.shape[1]), { transposeB: true }));
    const along = slopes.mul(weights).sum({ axis: -1, keepDims: true });
    const changes = weights.mul(slopes.sub(along).mul(1 / Math.sqrt(sizes.d)));
    const seen = params.causal ? where(seenKeys(sizes.T, sizes.S), changes, 0) : changes;
    const derivatives = [
      seen.matmul(ofEachHead(k, q.shape[1])),
      ofSharedHeads(seen.matmul(q, { transposeA: true }), k.shape[1]),
      ofSharedHeads(drop(weights).matmul(g, { transposeA: true }), k.shape[1]),
    ].map((x) => x.transpose(HEADS).reshape([-1]));
    const used = derivatives.reduce((total, { size }) => total + size, 0);
    return concat([...derivatives, zeros([backwardParts(sizes).size - used])]);
  },
  batch: (site) => batchCells(attentionGradPrimitive, site, 5),
};

/** Keys of `cells` cells each, of `count` of which there is one where they are mapped: `[2]` where all share one. */
function keysOfCells(key: Tensor, isMapped: boolean, { count, cells }: { count: number; cells: number }): Tensor {
  const isOfEach = key.rank - (isMapped ? 1 : 0) === 2;
  if (!isMapped && !isOfEach) return key;
  const keys = reshape(key, [isMapped ? count : 1, isOfEach ? cells : 1, 2]);
  return reshape(broadcastTo(keys, [count, cells, 2]), [count * cells, 2]);
}

/**
 * The batches of all cells as those of one. The flat result then has a part of all cells, the next part of all cells, and
 * so on, which {@linkcode attentionPartPrimitive} knows.
 */
function batchCells(
  primitive: Primitive<AttentionParams>,
  site: BatchSite<AttentionParams>,
  own: number,
): Tensor {
  const { inputs, isMapped, cells: count, params } = site;
  const { mask, spans, key } = extras(inputs, own, params);
  const joined = ofEachCell(site).slice(0, own + (mask ? 1 : 0) + (spans ? 1 : 0)).map(joinCells);
  if (key) joined.push(keysOfCells(key, isMapped[inputs.length - 1], { count, cells: params.cells }));
  return partCells(apply(primitive, joined, { ...params, cells: count * params.cells }), count);
}

/** Parameters of {@linkcode attentionPartPrimitive}. */
export interface AttentionPartParams {
  /** First element of the part. */
  readonly start: number;
  /** `[B, H, rows, d]`. */
  readonly shape: Shape;
}

/** A part `[B, rows, H, d]` of a flat result as `[B, H, rows, d]`. */
export const attentionPartPrimitive: Primitive<AttentionPartParams> = {
  name: "attentionPart",
  infer: (_, { shape }) => ({ shape, dtype: "f32" }),
  lowering: {
    kind: "view",
    view(flat, { start, shape }) {
      const rows = permuted(shape);
      const box = reshapeView(sliceView(flat, [start], [sizeOf(shape)]), rows);
      return box && permuteView(box, HEADS);
    },
  },
  reference([flat], { start, shape }) {
    const rows = permuted(shape);
    const part = { shape: rows, dtype: flat.dtype, data: flat.data.subarray(start, start + sizeOf(shape)) };
    return transposePrimitive.reference([part], { permutation: HEADS }, { shape, dtype: "f32" });
  },
  vjp: ({ inputs: [flat], params: { start }, cotangent }) => [
    apply(padPrimitive, [reshape(transpose(cotangent, HEADS), [-1])], { start: [start], shape: flat.shape }),
  ],
  // Parts are so many elements for each batch.
  batch: ({ inputs: [flat], cells, params: { start, shape: [B, ...rest] } }) =>
    partCells(part(reshape(flat, [-1]), cells * start, [cells * B, ...rest]), cells),
};

const permuted = (shape: Shape) => HEADS.map((axis) => shape[axis]);

/** Takes a part of a flat result `[B, rows, H, d]` as `[B, H, rows, d]`. */
function part(flat: Tensor, start: number, shape: Shape): Tensor {
  return apply(attentionPartPrimitive, [flat], { start, shape });
}

/** What {@linkcode fusedAttention} gives. */
export interface FusedAttention {
  /** `[B, H, T, d]`, as a view of `[B, T, H, d]`. */
  readonly output: Tensor;
  /** What the derivative needs beside q, k and v: the flat result of {@linkcode attentionPrimitive}. */
  readonly saved: Tensor;
}

/** Throws where shapes do not fit, or the rate is none. */
export function checkAttention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): void {
  const { dropout = 0, key } = options;
  for (const x of [q, k, v]) requireDType("attention", x, ["f32"]);
  const [B, H, , d] = q.shape;
  const G = k.shape[1];
  const fits = [q, k, v].every(({ rank, shape }) => rank === 4 && shape[0] === B && shape[3] === d) &&
    v.shape[1] === G && (H === G || G > 0 && H % G === 0) && k.shape[2] === v.shape[2];
  if (!fits) {
    const [a, b, c] = [q, k, v].map(({ shape }) => formatShape(shape));
    throw new RangeError(
      `attention: q ${a}, k ${b} and v ${c} do not fit: needs [B, H, T, d] and twice [B, H, S, d], or a divisor of H heads there`,
    );
  }
  checkScores(q, k, options);
  if (!(dropout >= 0 && dropout < 1)) {
    throw new RangeError(`attention: a rate of dropout lies in [0, 1), not ${dropout}`);
  }
  if (key && (key.dtype !== "u32" || key.size !== 2)) {
    throw new TypeError(`attention: needs a key as random.key(seed) makes it, and got ${key}`);
  }
}

/** Throws where a mask or a bias does not fit the scores. */
function checkScores({ shape: [B, H, T] }: Tensor, k: Tensor, { mask, bias, spans }: AttentionOptions): void {
  const scores = [B, H, T, k.shape[2]];
  if (spans && !(spans.dtype === "i32" && sameShape(spans.shape, [B, T, 2]))) {
    throw new RangeError(`attention: needs spans i32 ${formatShape([B, T, 2])}, and got ${spans}`);
  }
  const fits = (shape: Shape) => sameShape(broadcastShapes(shape, scores) ?? [], scores);
  const isOfKeys = mask?.rank === 2 && sameShape(mask.shape, [B, k.shape[2]]);
  if (mask && !isOfKeys && !((mask.rank === 3 || mask.rank === 4) && fits(ofScores(mask).shape))) {
    throw new RangeError(`attention: a mask ${formatShape(mask.shape)} does not fit keys ${formatShape(k.shape)}`);
  }
  if (!bias) return;
  requireDType("attention", bias, ["f32"]);
  if (!fits(bias.shape)) {
    throw new RangeError(`attention: a bias ${formatShape(bias.shape)} does not fit scores ${formatShape(scores)}`);
  }
}

function paramsOf(options: AttentionOptions): AttentionParams {
  const { mask, spans, causal = false, dropout = 0, key } = options;
  return { causal, rate: key ? dropout : 0, masked: mask !== undefined, spanned: spans !== undefined, cells: 1 };
}

function extraInputs({ mask, spans, dropout = 0, key }: AttentionOptions): Tensor[] {
  return [...mask ? [cast(mask, "i32")] : [], ...spans ? [spans] : [], ...key && dropout > 0 ? [key] : []];
}

/**
 * Attention in one kernel that keeps no scores: q `[B, H, T, d]`, k and v `[B, G, S, d]`; its derivative is apart.
 *
 * Throws a RangeError where shapes do not fit.
 */
export function fusedAttention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): FusedAttention {
  checkAttention(q, k, v, options);
  // Of no keys, a query sees nothing.
  if (q.size === 0 || k.size === 0) return { output: zeros(q.shape), saved: zeros([0]) };
  const saved = apply(attentionPrimitive, [q, k, v, ...extraInputs(options)], paramsOf(options));
  return { output: part(saved, 0, q.shape), saved };
}

/** Derivatives of {@linkcode fusedAttention} by q, k and v from that by its output. */
export function fusedAttentionGrad(
  { q, k, v, saved, cotangent }: Readonly<Record<"q" | "k" | "v" | "saved" | "cotangent", Tensor>>,
  options: AttentionOptions = {},
): [q: Tensor, k: Tensor, v: Tensor] {
  if (q.size === 0 || k.size === 0) return [zeros(q.shape), zeros(k.shape), zeros(v.shape)];
  const params = paramsOf(options);
  const flat = apply(attentionGradPrimitive, [q, k, v, cotangent, saved, ...extraInputs(options)], params);
  const parts = backwardParts(sizesOf(q, k, params));
  return [part(flat, 0, q.shape), part(flat, parts.k, k.shape), part(flat, parts.v, v.shape)];
}
