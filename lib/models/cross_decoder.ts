import { attention } from "../nn/attention.ts";
import { dropout } from "../nn/dropout.ts";
import type { Params } from "../nn/linear.ts";
import type { Key } from "../ops/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkpoint } from "../transform/checkpoint.ts";
import { ACTIVATIONS } from "./activations.ts";
import type { Projected } from "./decoder.ts";
import { type EncoderSizes, joinHeads, splitHeads } from "./encoder.ts";
import { type Layers, layersOf } from "./layers.ts";
import { denseShapes, normShapes, type ParameterShape } from "./parameter_shapes.ts";

/** What sets a decoder that attends to an encoder apart from others of BART's kind. */
export interface CrossDecoderParts {
  readonly sizes: EncoderSizes;
  /** Path of a layer. */
  layer(index: number): string;
  /** Rate of dropout behind activations, where a key is given. */
  readonly activationDropout: number;
  /** Embeddings `[B, T, C]` of tokens at their places, i32 `[B, T]`, or at 0, 1, …; normalised, before dropout. */
  embed(layers: Layers, inputIds: Tensor, positions?: Tensor): Tensor;
}

/** Keys and values of what was read, `[B, H, S, d]` each, or of fewer rows, each of which serves as many neighbours. */
export interface CrossKeys {
  readonly keys: Tensor;
  readonly values: Tensor;
}

/** Parameters of the decoder's layers, in Hugging Face's order. */
export function crossDecoderShapes(parts: CrossDecoderParts): ParameterShape[] {
  const { hiddenSize: C, intermediateSize: F, layers } = parts.sizes;
  const attends = (name: string) =>
    ["k_proj", "v_proj", "q_proj", "out_proj"].flatMap((part) => denseShapes(`${name}.${part}`, C, C));
  const shapes = (layer: string): ParameterShape[] => [
    ...attends(`${layer}.self_attn`),
    ...normShapes(`${layer}.self_attn_layer_norm`, C),
    ...attends(`${layer}.encoder_attn`),
    ...normShapes(`${layer}.encoder_attn_layer_norm`, C),
    ...denseShapes(`${layer}.fc1`, F, C),
    ...denseShapes(`${layer}.fc2`, C, F),
    ...normShapes(`${layer}.final_layer_norm`, C),
  ];
  return Array.from({ length: layers }, (_, i) => shapes(parts.layer(i))).flat();
}

/** Number of keys that {@linkcode crossDecode} takes. */
export const crossDecoderKeys = ({ sizes }: CrossDecoderParts): number => 1 + 6 * sizes.layers;

/** Keys and values that a layer of that path makes of hidden states of the encoder, `[B, S, C]`. */
export function crossKeysOf({ sizes }: CrossDecoderParts, { dense }: Layers, layer: string, states: Tensor): CrossKeys {
  const project = (name: string) => splitHeads(dense(states, `${layer}.encoder_attn.${name}`), sizes.heads);
  return { keys: project("k_proj"), values: project("v_proj") };
}

/**
 * Attention of queries `[B, H, T, d]` to what was read, which may have fewer rows: each serves as many neighbours. Their
 * queries are those of one row then, so that no key is there twice.
 */
function attendToRead(q: Tensor, { keys, values }: CrossKeys, options: Parameters<typeof attention>[3]): Tensor {
  const [B, H, T, d] = q.shape;
  const rows = keys.shape[0];
  if (rows === B) return attention(q, keys, values, options);
  const together = q.reshape([rows, B / rows, H, T, d]).transpose([0, 2, 1, 3, 4]).reshape([rows, H, -1, d]);
  const read = attention(together, keys, values, options);
  return read.reshape([rows, H, B / rows, T, d]).transpose([0, 2, 1, 3, 4]).reshape([B, H, T, d]);
}

/** What {@linkcode crossDecode} is given. */
export interface CrossDecodeOptions {
  /** Token ids, i32 `[B, T]`. */
  readonly inputIds: Tensor;
  /** Their places, i32 `[B, T]`; 0, 1, … by default. */
  readonly positions?: Tensor;
  /** Attention of a layer to the decoder's own tokens: `[B, H, T, d]`. */
  attend(projected: Projected, layer: number, key?: Key): Tensor;
  /** Keys and values of what was read, for the layer of that number. */
  cross(layers: Layers, layer: number): CrossKeys;
  /** Which tokens of what was read count, i32 `[B, S]`. */
  readonly crossMask: Tensor;
  /** The next key to drop out with. */
  readonly nextKey: () => Key | undefined;
  /** Whether layers may be computed again in the backward pass. */
  readonly checkpoint: boolean;
}

/**
 * Hidden states of the last layer, `[B, T, C]`, of a decoder with BART's layers: attention to its own tokens, attention to
 * the encoder's, a feed-forward part, each added to what it was given and normalised.
 */
export function crossDecode(parts: CrossDecoderParts, params: Params, options: CrossDecodeOptions): Tensor {
  const { sizes } = parts;
  const { attend, cross, crossMask: mask, nextKey } = options;
  const layers = layersOf(params, { epsilon: sizes.layerNormEpsilon });
  const { dense, norm } = layers;
  const drop = (x: Tensor, rate = sizes.dropout) => dropout(x, { rate, key: nextKey() });
  const decodeLayer = (input: Tensor, i: number) => {
    const layer = parts.layer(i);
    const project = (x: Tensor, name: string) => splitHeads(dense(x, `${layer}.${name}`), sizes.heads);
    const addTo = (x: Tensor, part: Tensor, name: string) => norm(drop(part).add(x), `${layer}.${name}`);
    const [q, k, v] = ["q", "k", "v"].map((name) => project(input, `self_attn.${name}_proj`));
    const attended = dense(joinHeads(attend({ q, k, v }, i, nextKey())), `${layer}.self_attn.out_proj`);
    const own = addTo(input, attended, "self_attn_layer_norm");
    const asked = project(own, "encoder_attn.q_proj");
    const read = attendToRead(asked, cross(layers, i), { mask, dropout: sizes.attentionDropout, key: nextKey() });
    const informed = addTo(own, dense(joinHeads(read), `${layer}.encoder_attn.out_proj`), "encoder_attn_layer_norm");
    const widened = drop(ACTIVATIONS[sizes.activation](dense(informed, `${layer}.fc1`)), parts.activationDropout);
    return addTo(informed, dense(widened, `${layer}.fc2`), "final_layer_norm");
  };
  let x = drop(parts.embed(layers, options.inputIds, options.positions));
  for (let i = 0; i < sizes.layers; i++) {
    const layer = (input: Tensor) => decodeLayer(input, i);
    x = options.checkpoint ? checkpoint(layer)(x) : layer(x);
  }
  return x;
}
