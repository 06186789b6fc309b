import {
  type AttentionPlace,
  type AttentionSizes,
  backwardParts,
  forwardParts,
  MASKED,
  ROW_NUMBERS,
} from "../../kernels/attention.ts";
import {
  type AttentionBuffer,
  type AttentionDispatch,
  attentionDispatch,
  attentionGradDispatches,
} from "../../kernels/choose_attention.ts";
import { type Shape, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { View } from "../tensor/view.ts";
import { mul, sub } from "./arithmetic.ts";
import { type AttentionOptions, attentionWeights, dropWeights, seenKeys } from "./attention_by_parts.ts";
import { cast } from "./cast.ts";
import { zeros } from "./constant.ts";
import { matmul } from "./matmul.ts";
import { apply, type BufferRef, type Dispatch, type Primitive, type ReferenceArray } from "./primitive.ts";
import { threefryReference } from "./random.ts";
import { sum } from "./reduce.ts";
import { reshape, transpose } from "./reshape.ts";
import { concat, slice } from "./slice.ts";
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
}

function sizesOf(q: { readonly shape: Shape }, k: { readonly shape: Shape }, params: AttentionParams): AttentionSizes {
  const [B, H, T, d] = q.shape;
  return { B, H, T, S: k.shape[2], d, causal: params.causal, rate: params.rate };
}

/** Inputs after q, k, v and `own` others: a mask and a key, where there are such. */
function extras<T>(inputs: readonly T[], own: number, { masked, rate }: AttentionParams) {
  const rest = inputs.slice(own);
  return { mask: masked ? rest[0] : undefined, key: rate > 0 ? rest[masked ? 1 : 0] : undefined };
}

/** A dispatch with its buffers found among inputs, which are named tensors, then a mask and a key where there are such. */
function bind(
  dispatch: AttentionDispatch,
  names: readonly AttentionBuffer[],
  { masked, rate }: AttentionParams,
): Dispatch {
  const inputs = [...names, ...masked ? ["mask"] : [], ...rate > 0 ? ["key"] : []];
  const refOf = (name: AttentionBuffer): BufferRef =>
    name === "result" ? "output" : name === "weights" ? { scratch: 0 } : { input: inputs.indexOf(name) };
  return { ...dispatch, buffers: dispatch.buffers.map(refOf) };
}

const placeOf = ({ offset, strides: [batch, head, row] }: View): AttentionPlace => ({ offset, batch, head, row });

/** Whether a view's rows lie together: kernels read every other axis through strides. */
const hasRows = ({ shape, strides }: View) => shape[3] === 1 || strides[3] === 1;

const isWholeView = (view: View) =>
  view.offset === 0 && view.strides.every((stride, axis) => stride === sizeOf(view.shape.slice(axis + 1)));

/** Weights of one row of scores in float64: largest score, 1 / Σ exp(score − largest), weights, factors of dropout. */
function weigh(
  [q, k]: readonly ReferenceArray[],
  { mask, key }: { readonly mask?: ReferenceArray; readonly key?: ReferenceArray },
  { sizes, z, t }: { readonly sizes: AttentionSizes; readonly z: number; readonly t: number },
) {
  const { H, T, S, d, causal, rate } = sizes;
  const seen = Array.from({ length: S }, (_, s) => !causal || s <= t + S - T);
  const scores = seen.map((isSeen, s) => {
    if (!isSeen || mask?.data[Math.floor(z / H) * S + s] === 0) return MASKED;
    let product = 0;
    for (let e = 0; e < d; e++) product += q.data[(z * T + t) * d + e] * k.data[(z * S + s) * d + e];
    return product / Math.sqrt(d);
  });
  const top = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = scores.map((score) => Math.exp(score - top));
  const inverse = 1 / powers.reduce((a, b) => a + b, 0);
  const shares = scores.map((_, s) => {
    if (!key) return 1;
    const [word] = threefryReference(key.data[0], key.data[1], (z * T + t) * S + s, 0);
    return Math.floor(word / 256) / 2 ** 24 < Math.fround(1 - rate) ? 1 / (1 - rate) : 0;
  });
  return { top, inverse, weights: powers.map((power) => power * inverse), shares, seen };
}

/**
 * softmax(q·kᵀ/√d)·v: inputs q `[B, H, T, d]`, k and v `[B, H, S, d]`, mask i32 `[B, S]`, key. The result is flat: the
 * output `[B, T, H, d]`, then four numbers of each row of scores (`ROW_NUMBERS`).
 */
export const attentionPrimitive: Primitive<AttentionParams> = {
  name: "attention",
  infer: ([q, k], params) => ({ shape: [forwardParts(sizesOf(q, k, params)).size], dtype: "f32" }),
  lowering: {
    kind: "kernel",
    accepts: (input, views) => input < 3 ? hasRows(views[input]) : isWholeView(views[input]),
    emit({ inputs, params, target }) {
      const [q, k, v] = inputs.map(({ view }) => view);
      const sizes = sizesOf(q, k, params);
      const places = { q: placeOf(q), k: placeOf(k), v: placeOf(v) };
      const dispatch = attentionDispatch(sizes, places, { target, masked: params.masked });
      return { dispatches: [bind(dispatch, ["q", "k", "v"], params)] };
    },
  },
  reference(inputs, params, output) {
    const [q, k, v] = inputs;
    const sizes = sizesOf(q, k, params);
    const { B, H, T, S, d } = sizes;
    const { rows } = forwardParts(sizes);
    const result = new Float64Array(sizeOf(output.shape));
    for (let z = 0; z < B * H; z++) {
      for (let t = 0; t < T; t++) {
        const { top, inverse, weights, shares } = weigh(inputs, extras(inputs, 3, params), { sizes, z, t });
        const at = ((Math.floor(z / H) * T + t) * H + z % H) * d;
        for (let s = 0; s < S; s++) {
          for (let e = 0; e < d; e++) result[at + e] += weights[s] * shares[s] * v.data[(z * S + s) * d + e];
        }
        result.set([top, inverse], rows + (z * T + t) * ROW_NUMBERS);
      }
    }
    return result;
  },
};

/**
 * Derivatives of attention: inputs q, k, v, the derivative by the output `[B, H, T, d]`, the flat result of
 * {@linkcode attentionPrimitive}, mask, key. The result is flat: derivatives by q, k and v, `[B, T, H, d]` and twice
 * `[B, S, H, d]`, then the numbers of rows, Σ g·o among them.
 */
export const attentionGradPrimitive: Primitive<AttentionParams> = {
  name: "attentionGrad",
  infer: ([q, k], params) => ({ shape: [backwardParts(sizesOf(q, k, params)).size], dtype: "f32" }),
  lowering: {
    kind: "kernel",
    accepts: (input, views) => input < 4 ? hasRows(views[input]) : isWholeView(views[input]),
    emit({ inputs, params, target }) {
      const [q, k, v, g] = inputs.map(({ view }) => view);
      const sizes = sizesOf(q, k, params);
      const places = { q: placeOf(q), k: placeOf(k), v: placeOf(v), g: placeOf(g) };
      const { dispatches, weights } = attentionGradDispatches(sizes, places, { target, masked: params.masked });
      return {
        dispatches: dispatches.map((dispatch) => bind(dispatch, ["q", "k", "v", "g", "saved"], params)),
        scratch: weights > 0 ? [weights] : [],
      };
    },
  },
  reference(inputs, params, output) {
    const [q, k, v, g] = inputs;
    const sizes = sizesOf(q, k, params);
    const { B, H, T, S, d } = sizes;
    const parts = backwardParts(sizes);
    const result = new Float64Array(sizeOf(output.shape));
    for (let z = 0; z < B * H; z++) {
      const from = (row: number, rows: number) => ((Math.floor(z / H) * rows + row) * H + z % H) * d;
      for (let t = 0; t < T; t++) {
        const { top, inverse, weights, shares, seen } = weigh(inputs, extras(inputs, 5, params), { sizes, z, t });
        const slopes = shares.map((share, s) => {
          let slope = 0;
          for (let e = 0; e < d; e++) slope += g.data[(z * T + t) * d + e] * v.data[(z * S + s) * d + e];
          return share * slope;
        });
        const along = slopes.reduce((total, slope, s) => total + slope * weights[s], 0);
        for (let s = 0; s < S; s++) {
          const slope = seen[s] ? weights[s] * (slopes[s] - along) / Math.sqrt(d) : 0;
          for (let e = 0; e < d; e++) {
            result[from(t, T) + e] += slope * k.data[(z * S + s) * d + e];
            result[parts.k + from(s, S) + e] += slope * q.data[(z * T + t) * d + e];
            result[parts.v + from(s, S) + e] += weights[s] * shares[s] * g.data[(z * T + t) * d + e];
          }
        }
        result.set([top, inverse, along], parts.rows + (z * T + t) * ROW_NUMBERS);
      }
    }
    return result;
  },
  decompose(inputs, params) {
    const [q, k, v, g] = inputs;
    const sizes = sizesOf(q, k, params);
    const { mask, key } = extras(inputs, 5, params);
    const options = { mask, causal: params.causal, dropout: params.rate, key };
    const weights = attentionWeights(q, k, options);
    const slopes = dropWeights(matmul(g, v, { transposeB: true }), options);
    const along = sum(mul(slopes, weights), { axis: -1, keepDims: true });
    const changes = mul(weights, mul(sub(slopes, along), 1 / Math.sqrt(sizes.d)));
    const seen = params.causal ? where(seenKeys(sizes.T, sizes.S), changes, 0) : changes;
    const derivatives = [
      matmul(seen, k),
      matmul(seen, q, { transposeA: true }),
      matmul(dropWeights(weights, options), g, { transposeA: true }),
    ].map((x) => reshape(transpose(x, HEADS), [-1]));
    const used = derivatives.reduce((total, { size }) => total + size, 0);
    return concat([...derivatives, zeros([backwardParts(sizes).size - used])]);
  },
};

/** Takes a part of a flat result `[B, rows, H, d]` as `[B, H, rows, d]`. */
function part(flat: Tensor, start: number, [B, H, rows, d]: Shape): Tensor {
  const box = slice(flat, { start: [start], size: [B * rows * H * d] });
  return transpose(reshape(box, [B, rows, H, d]), HEADS);
}

/** What {@linkcode fusedAttention} gives. */
export interface FusedAttention {
  /** `[B, H, T, d]`, as a view of `[B, T, H, d]`. */
  readonly output: Tensor;
  /** What the derivative needs beside q, k and v: the flat result of {@linkcode attentionPrimitive}. */
  readonly saved: Tensor;
}

function paramsOf(options: AttentionOptions): AttentionParams {
  const { mask, causal = false, dropout = 0, key } = options;
  return { causal, rate: key ? dropout : 0, masked: mask !== undefined };
}

function extraInputs({ mask, dropout = 0, key }: AttentionOptions): Tensor[] {
  return [...mask ? [cast(mask, "i32")] : [], ...key && dropout > 0 ? [key] : []];
}

/** Attention in one kernel that keeps no scores: q `[B, H, T, d]`, k and v `[B, H, S, d]`; its derivative is apart. */
export function fusedAttention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): FusedAttention {
  const saved = apply(attentionPrimitive, [q, k, v, ...extraInputs(options)], paramsOf(options));
  return { output: part(saved, 0, q.shape), saved };
}

/** Derivatives of {@linkcode fusedAttention} by q, k and v from that by its output. */
export function fusedAttentionGrad(
  { q, k, v, saved, cotangent }: Readonly<Record<"q" | "k" | "v" | "saved" | "cotangent", Tensor>>,
  options: AttentionOptions = {},
): [q: Tensor, k: Tensor, v: Tensor] {
  const params = paramsOf(options);
  const flat = apply(attentionGradPrimitive, [q, k, v, cotangent, saved, ...extraInputs(options)], params);
  const parts = backwardParts(sizesOf(q, k, params));
  return [part(flat, 0, q.shape), part(flat, parts.k, k.shape), part(flat, parts.v, v.shape)];
}
