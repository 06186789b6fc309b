import { dropout } from "../nn/dropout.ts";
import type { Params } from "../nn/linear.ts";
import type { Rotation } from "../nn/rotary.ts";
import type { Key } from "../ops/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkpoint } from "../transform/checkpoint.ts";
import { type EncoderSizes, joinHeads } from "./encoder.ts";
import { type Layers, layersOf } from "./layers.ts";
import type { ParameterShape } from "./parameter_shapes.ts";

/** Sizes that all decoders have, with all defaults filled in. */
export interface DecoderSizes extends EncoderSizes {
  /** Heads of keys and values. */
  readonly keyValueHeads: number;
  /** Width of a head. */
  readonly headSize: number;
  /** Rate of dropout of embeddings, where a key is given. */
  readonly embeddingDropout: number;
}

/** Queries `[B, H, T, d]`, keys and values `[B, G, T, d]`. */
export interface Projected {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
}

/** What the parts of a decoder's layer are given. */
export interface DecoderSite extends Layers {
  readonly params: Params;
  /** Path of the layer. */
  readonly layer: string;
  /** By which queries and keys are turned, where positions are a rotation. */
  readonly rotation?: Rotation;
}

/** What sets a causal architecture apart from the others: layers are x + attention(norm(x)), then x + feedForward(norm(x)). */
export interface DecoderParts {
  /** As errors call it. */
  readonly name: string;
  readonly sizes: DecoderSizes;
  /** The table of embeddings of words. */
  readonly words: string;
  /** Parameters of the embeddings. */
  readonly embeddings: readonly ParameterShape[];
  /** Path of a layer. */
  layer(index: number): string;
  /** Parameters of each layer, after its path. */
  readonly layerShapes: readonly ParameterShape[];
  /** Names of norms: in front of attention and of the feed-forward part, after the layer's path, and behind the layers. */
  readonly norms: readonly [attention: string, feedForward: string, last: string];
  /** Parameters behind the layers. */
  readonly others: readonly ParameterShape[];
  /** Embeddings `[B, T, C]` before dropout. */
  embed(layers: Layers, tokens: { readonly inputIds: Tensor; readonly positions: Tensor }): Tensor;
  /** The rotation of positions i32 `[B, T]`, where they are one. */
  rotation?(positions: Tensor): Rotation;
  /** Normalises x with the parameters of that name. */
  norm(layers: Layers, x: Tensor, name: string): Tensor;
  project(site: DecoderSite, x: Tensor): Projected;
  /** Behind attention, `[B, T, H · d]` → `[B, T, C]`. */
  mix(site: DecoderSite, x: Tensor): Tensor;
  feedForward(site: DecoderSite, x: Tensor): Tensor;
}

/** Parameters of a decoder without its head. */
export function decoderShapes(parts: DecoderParts): ParameterShape[] {
  const layers = Array.from(
    { length: parts.sizes.layers },
    (_, i) => parts.layerShapes.map(([name, shape]): ParameterShape => [`${parts.layer(i)}.${name}`, shape]),
  );
  return [...parts.embeddings, ...layers.flat(), ...parts.others];
}

/** Number of keys that {@linkcode decode} takes. */
export const decoderKeys = ({ sizes }: DecoderParts): number => 1 + 3 * sizes.layers;

/** What {@linkcode decode} is given. */
export interface DecodeOptions {
  /** Token ids, i32 `[B, T]`. */
  readonly inputIds: Tensor;
  /** Place of each token in its text, i32 `[B, T]`. */
  readonly positions: Tensor;
  /** Attention of a layer: `[B, H, T, d]`. */
  attend(projected: Projected, layer: number, key?: Key): Tensor;
  /** The next key to drop out with. */
  readonly nextKey: () => Key | undefined;
  /** Whether layers may be computed again in the backward pass. */
  readonly checkpoint: boolean;
}

/** Hidden states of the last layer, normalised: `[B, T, C]`. */
export function decode(parts: DecoderParts, params: Params, options: DecodeOptions): Tensor {
  const { sizes, norms: [attentionNorm, feedForwardNorm, lastNorm] } = parts;
  const { inputIds, positions, attend, nextKey } = options;
  const layers = layersOf(params, { epsilon: sizes.layerNormEpsilon });
  const drop = (x: Tensor) => dropout(x, { rate: sizes.dropout, key: nextKey() });
  const embeddings = parts.embed(layers, { inputIds, positions });
  let x = dropout(embeddings, { rate: sizes.embeddingDropout, key: nextKey() });
  const rotation = parts.rotation?.(positions);
  const decodeLayer = (input: Tensor, i: number) => {
    const layer = parts.layer(i);
    const site = { ...layers, params, layer, rotation };
    const projected = parts.project(site, parts.norm(layers, input, `${layer}.${attentionNorm}`));
    const attended = joinHeads(attend(projected, i, nextKey()));
    const middle = drop(parts.mix(site, attended)).add(input);
    const widened = parts.feedForward(site, parts.norm(layers, middle, `${layer}.${feedForwardNorm}`));
    return drop(widened).add(middle);
  };
  for (let i = 0; i < sizes.layers; i++) {
    const layer = (input: Tensor) => decodeLayer(input, i);
    x = options.checkpoint ? checkpoint(layer)(x) : layer(x);
  }
  return parts.norm(layers, x, lastNorm);
}
