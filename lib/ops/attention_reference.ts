import { type AttentionSizes, backwardParts, forwardParts, MASKED, ROW_NUMBERS } from "../../kernels/attention.ts";
import type { ReferenceArray } from "./primitive.ts";
import { threefryReference } from "./random.ts";

/** What masks and drops out weights, where something does. */
interface Extras {
  readonly mask?: ReferenceArray;
  readonly spans?: ReferenceArray;
  readonly key?: ReferenceArray;
}

/** The place of the head of keys and values that head z of queries shares, in `B · G`. */
const sharedHead = (z: number, { H, G = H }: AttentionSizes) => Math.floor(z / H) * G + Math.floor(z % H * G / H);

/** Weights of one row of scores in float64: largest score, 1 / Σ exp(score − largest), weights, factors of dropout. */
function weigh(
  [q, k]: readonly ReferenceArray[],
  { mask, spans, key }: Extras,
  { sizes, z, t }: { readonly sizes: AttentionSizes; readonly z: number; readonly t: number },
) {
  const { B, H, T, S, d, causal, rate, cellBatches = B } = sizes;
  const inCell = z % (cellBatches * H);
  const first = key?.shape.length === 2 ? 2 * Math.floor(z / (cellBatches * H)) : 0;
  const row = 2 * (Math.floor(z / H) * T + t);
  const isInSpan = (s: number) => !spans || s >= spans.data[row] && s < spans.data[row + 1];
  const seen = Array.from({ length: S }, (_, s) => (!causal || s <= t + S - T) && isInSpan(s));
  const own = sharedHead(z, sizes);
  const scores = seen.map((isSeen, s) => {
    if (spans && !isSeen) return -Infinity;
    if (!isSeen || mask?.data[Math.floor(z / H) * S + s] === 0) return MASKED;
    let product = 0;
    for (let e = 0; e < d; e++) product += q.data[(z * T + t) * d + e] * k.data[(own * S + s) * d + e];
    return product / Math.sqrt(d);
  });
  const top = scores.reduce((a, b) => Math.max(a, b), spans ? MASKED : -Infinity);
  const powers = scores.map((score) => Math.exp(score - top));
  const total = powers.reduce((a, b) => a + b, 0);
  const inverse = spans && total === 0 ? 0 : 1 / total;
  const shares = scores.map((_, s) => {
    if (!key) return 1;
    const [word] = threefryReference(key.data[first], key.data[first + 1], (inCell * T + t) * S + s, 0);
    return Math.floor(word / 256) / 2 ** 24 < Math.fround(1 - rate) ? 1 / (1 - rate) : 0;
  });
  return { top, inverse, weights: powers.map((power) => power * inverse), shares, seen };
}

/** Attention of q, k and v in float64, by the obvious loops: the output, then the numbers of rows. */
export function referenceAttention(
  inputs: readonly ReferenceArray[],
  sizes: AttentionSizes,
  extras: Extras,
): Float64Array {
  const v = inputs[2];
  const { B, H, T, S, d } = sizes;
  const { rows, size } = forwardParts(sizes);
  const result = new Float64Array(size);
  for (let z = 0; z < B * H; z++) {
    for (let t = 0; t < T; t++) {
      const { top, inverse, weights, shares } = weigh(inputs, extras, { sizes, z, t });
      const at = ((Math.floor(z / H) * T + t) * H + z % H) * d;
      const own = sharedHead(z, sizes);
      for (let s = 0; s < S; s++) {
        for (let e = 0; e < d; e++) result[at + e] += weights[s] * shares[s] * v.data[(own * S + s) * d + e];
      }
      result.set([top, inverse], rows + (z * T + t) * ROW_NUMBERS);
    }
  }
  return result;
}

/** The derivatives of attention by q, k and v in float64, from these and that by the output. */
export function referenceAttentionGrad(
  inputs: readonly ReferenceArray[],
  sizes: AttentionSizes,
  extras: Extras,
): Float64Array {
  const [q, k, v, g] = inputs;
  const { B, H, G = H, T, S, d } = sizes;
  const parts = backwardParts(sizes);
  const result = new Float64Array(parts.size);
  for (let z = 0; z < B * H; z++) {
    const own = sharedHead(z, sizes);
    const from = (row: number) => ((Math.floor(z / H) * T + row) * H + z % H) * d;
    const fromKey = (row: number) => ((Math.floor(z / H) * S + row) * G + own % G) * d;
    for (let t = 0; t < T; t++) {
      const { weights, shares, seen } = weigh(inputs, extras, { sizes, z, t });
      const slopes = shares.map((share, s) => {
        let slope = 0;
        for (let e = 0; e < d; e++) slope += g.data[(z * T + t) * d + e] * v.data[(own * S + s) * d + e];
        return share * slope;
      });
      const along = slopes.reduce((total, slope, s) => total + slope * weights[s], 0);
      for (let s = 0; s < S; s++) {
        const slope = seen[s] ? weights[s] * (slopes[s] - along) / Math.sqrt(d) : 0;
        for (let e = 0; e < d; e++) {
          result[from(t) + e] += slope * k.data[(own * S + s) * d + e];
          result[parts.k + fromKey(s) + e] += slope * q.data[(z * T + t) * d + e];
          result[parts.v + fromKey(s) + e] += weights[s] * shares[s] * g.data[(z * T + t) * d + e];
        }
      }
    }
  }
  return result;
}
