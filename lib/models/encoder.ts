import type { Key } from "../ops/random.ts";
import { attention } from "../nn/attention.ts";
import { dropout } from "../nn/dropout.ts";
import { embedding } from "../ops/mod.ts";
import type { Params } from "../nn/linear.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkpoint } from "../transform/checkpoint.ts";
import { type ActivationName, ACTIVATIONS } from "./activations.ts";
import { type Layers, layersOf } from "./layers.ts";
import type { Batch, MaskedBatch } from "./model.ts";
import { denseShapes, normShapes, type ParameterShape } from "./parameter_shapes.ts";

/** Sizes that all encoders have, with all defaults filled in. */
export interface EncoderSizes {
  /** Tokens of the vocabulary. */
  readonly vocabSize: number;
  /** Width of hidden states. */
  readonly hiddenSize: number;
  /** Number of layers. */
  readonly layers: number;
  /** Heads of attention in each layer. */
  readonly heads: number;
  /** Width between the two projections of a feed-forward part. */
  readonly intermediateSize: number;
  /** Most tokens of a text. */
  readonly maxLength: number;
  /** What stands between the two projections of a feed-forward part. */
  readonly activation: ActivationName;
  /** Added to the variance in layer norms. */
  readonly layerNormEpsilon: number;
  /** Standard deviation of fresh weights. */
  readonly initializerRange: number;
  /** Rate of dropout of hidden states, where a key is given. */
  readonly dropout: number;
  /** Rate of dropout of attention weights, where a key is given. */
  readonly attentionDropout: number;
  /** Whether the backward pass keeps of each layer only its input and computes the rest again. */
  readonly checkpoint: boolean;
}

/** What the parts of a layer are called, after the layer's own path. */
export interface LayerNames {
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly attentionOutput: string;
  readonly attentionNorm: string;
  readonly intermediate: string;
  readonly output: string;
  readonly outputNorm: string;
}

/** What attention is given in a layer. */
export interface AttentionSite extends Layers {
  readonly params: Params;
  /** Path of the layer. */
  readonly layer: string;
  /** `[B, T, C]`: what is attended to. */
  readonly input: Tensor;
  /** `[B, Tq, C]`: those tokens of `input` that attend: the first ones, and for the usual dot products any. */
  readonly own: Tensor;
  /** i32 `[B, T]`. */
  readonly mask: Tensor;
  /** The next key to drop out with. */
  readonly nextKey: () => Key | undefined;
}

/** What sets an architecture apart from the others. */
export interface EncoderParts {
  /** As errors call it. */
  readonly name: string;
  readonly sizes: EncoderSizes;
  readonly names: LayerNames;
  /** Path of a layer. */
  layer(index: number): string;
  /** Parameters of the embeddings. */
  readonly embeddings: readonly ParameterShape[];
  /** Parameters between the layers and the head. */
  readonly others?: readonly ParameterShape[];
  /** Parameters of each layer beside those that all architectures have, after the layer's path. */
  readonly layerExtras?: readonly ParameterShape[];
  /** Sum of embeddings `[B, T, C]`, normalised, before dropout; narrower where they are widened. */
  embed(layers: Layers, batch: Omit<Batch, "labels">): Tensor;
  /** Widens embeddings to hidden states after dropout, where they are narrower. */
  widen?(layers: Layers, embeddings: Tensor): Tensor;
  /** Mixes tokens: `[B, Tq, C]`, before the output projection; scaled dot products by default. */
  mix?(site: AttentionSite): Tensor;
  /** Keys that {@linkcode EncoderParts.mix} takes, 1 by default. */
  readonly keysOfMix?: number;
  /** Whether what attention's output projection makes drops out, as everywhere but in DistilBERT. */
  readonly dropsAttended?: boolean;
  /** Rate of dropout behind the activation of the feed-forward part, where a key is given; there is none by default. */
  readonly activationDropout?: number;
}

/** Parameters of an encoder, in Hugging Face's order. */
export function encoderShapes(parts: EncoderParts): ParameterShape[] {
  const { names, sizes: { hiddenSize: C, intermediateSize: F, layers } } = parts;
  const layerShapes = (layer: string): ParameterShape[] => [
    ...[names.query, names.key, names.value].flatMap((name) => denseShapes(`${layer}.${name}`, C, C)),
    ...(parts.layerExtras ?? []).map(([name, shape]): ParameterShape => [`${layer}.${name}`, shape]),
    ...denseShapes(`${layer}.${names.attentionOutput}`, C, C),
    ...normShapes(`${layer}.${names.attentionNorm}`, C),
    ...denseShapes(`${layer}.${names.intermediate}`, F, C),
    ...denseShapes(`${layer}.${names.output}`, C, F),
    ...normShapes(`${layer}.${names.outputNorm}`, C),
  ];
  return [
    ...parts.embeddings,
    ...Array.from({ length: layers }, (_, i) => layerShapes(parts.layer(i))).flat(),
    ...parts.others ?? [],
  ];
}

/** Number of keys that {@linkcode encode} takes. */
export function encoderKeys({ sizes, keysOfMix = 1, activationDropout }: EncoderParts): number {
  return 1 + (2 + keysOfMix + (activationDropout === undefined ? 0 : 1)) * sizes.layers;
}

/** Cuts `[B, T, H · d]` into heads: `[B, H, T, d]`. */
export function splitHeads(x: Tensor, heads: number): Tensor {
  const [B, , C] = x.shape;
  return x.reshape([B, -1, heads, C / heads]).transpose([0, 2, 1, 3]);
}

/** The opposite of {@linkcode splitHeads}. */
export function joinHeads(x: Tensor): Tensor {
  const [B, heads, , size] = x.shape;
  return x.transpose([0, 2, 1, 3]).reshape([B, -1, heads * size]);
}

function scaledDotProducts({ sizes, names }: EncoderParts, site: AttentionSite): Tensor {
  const { layer, input, own, mask, nextKey } = site;
  const project = (x: Tensor, name: string) => splitHeads(site.dense(x, `${layer}.${name}`), sizes.heads);
  const [k, v] = [project(input, names.key), project(input, names.value)];
  return joinHeads(
    attention(project(own, names.query), k, v, { mask, dropout: sizes.attentionDropout, key: nextKey() }),
  );
}

/** Options of {@linkcode encode}. */
export interface EncodeOptions {
  /** The next key to drop out with. */
  readonly nextKey: () => Key | undefined;
  readonly tokens: "all" | "first";
}

/**
 * Hidden states of the last layer: `[B, T, C]`, `[B, 1, C]` of the first token alone, or `[B, P, C]` of those at the
 * batch's positions, where these are as many of each row. What the last layer makes of the other tokens reaches nobody
 * then, so that it is not computed but for their keys and values.
 *
 * Throws a RangeError where texts are longer than the model's positions.
 */
export function encode(
  parts: EncoderParts,
  params: Params,
  batch: MaskedBatch,
  { nextKey, tokens }: EncodeOptions,
): Tensor {
  const { names, sizes, mix = (site: AttentionSite) => scaledDotProducts(parts, site), dropsAttended = true } = parts;
  const T = batch.inputIds.shape[1];
  if (T > sizes.maxLength) {
    throw new RangeError(`${parts.name}: ${T} tokens are more than the model's ${sizes.maxLength} positions`);
  }
  const layers = layersOf(params, { epsilon: sizes.layerNormEpsilon });
  const { dense, norm } = layers;
  const asked = tokens === "all" && batch.positions?.rank === 2 ? batch.positions : undefined;
  const askedOf = (x: Tensor) => asked ? embedding(x.reshape([-1, x.shape[2]]), asked) : x;
  // Other ways to mix know of the first tokens alone.
  const isLate = parts.mix !== undefined || sizes.layers === 0;
  const drop = (x: Tensor, rate = sizes.dropout) => dropout(x, { rate, key: nextKey() });
  const activate = (x: Tensor) => {
    const activated = ACTIVATIONS[sizes.activation](x);
    return parts.activationDropout === undefined ? activated : drop(activated, parts.activationDropout);
  };

  const embeddings = drop(parts.embed(layers, batch));
  let x = parts.widen?.(layers, embeddings) ?? embeddings;
  const encodeLayer = (input: Tensor, i: number) => {
    const layer = parts.layer(i);
    const isLast = i === sizes.layers - 1;
    const isShort = isLast && tokens === "first";
    const wanted = isLast && !isLate ? askedOf(input) : input;
    const own = isShort ? input.slice({ start: [0, 0, 0], size: [-1, 1, -1] }) : wanted;
    const mixed = mix({ ...layers, params, layer, input, own, mask: batch.attentionMask, nextKey });
    const attended = drop(dense(mixed, `${layer}.${names.attentionOutput}`), dropsAttended ? sizes.dropout : 0);
    const middle = norm(attended.add(own), `${layer}.${names.attentionNorm}`);
    const widened = activate(dense(middle, `${layer}.${names.intermediate}`));
    return norm(drop(dense(widened, `${layer}.${names.output}`)).add(middle), `${layer}.${names.outputNorm}`);
  };
  for (let i = 0; i < sizes.layers; i++) {
    const layer = (input: Tensor) => encodeLayer(input, i);
    x = sizes.checkpoint ? checkpoint(layer)(x) : layer(x);
  }
  return isLate ? askedOf(x) : x;
}
