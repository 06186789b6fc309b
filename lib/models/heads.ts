import { embedding } from "../ops/mod.ts";
import type { Key } from "../ops/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type ActivationName, ACTIVATIONS } from "./activations.ts";
import type { Layers } from "./layers.ts";
import type { MaskedBatch } from "./model.ts";
import { denseShapes, normShapes, type ParameterShape } from "./parameter_shapes.ts";

/** What a head is given beside hidden states. */
export interface HeadSite extends Layers {
  readonly batch: MaskedBatch;
  /** The next key to drop out with. */
  readonly nextKey: () => Key | undefined;
}

/** What makes logits of hidden states. */
export interface Head {
  readonly shapes: readonly ParameterShape[];
  /** Which hidden states it is given. */
  readonly tokens: "all" | "first";
  /** Keys that it takes. */
  readonly keys: number;
  /** Logits of hidden states `[B, T, C]`, `[B, 1, C]` of first tokens, or `[B, P, C]` at positions of each row. */
  apply(hidden: Tensor, site: HeadSite): Tensor;
}

/** What the parts of a head that fills masked tokens are called. */
export interface MaskedHeadNames {
  readonly dense: string;
  readonly norm: string;
  readonly bias: string;
  /** The embeddings of words, with which it shares its weights. */
  readonly words: string;
}

/** Options of {@linkcode maskedHead}. */
export interface MaskedHeadOptions {
  readonly names: MaskedHeadNames;
  readonly hiddenSize: number;
  readonly vocabSize: number;
  readonly activation: ActivationName;
  /** Width of the embeddings of words; that of hidden states by default. */
  readonly embeddingSize?: number;
}

/**
 * Logits `[B, T, vocabulary]`, or `[M, vocabulary]` or `[B, P, vocabulary]` at the batch's positions, through the
 * embeddings of words.
 */
export function maskedHead(
  { names, hiddenSize: C, vocabSize, activation, embeddingSize: E = C }: MaskedHeadOptions,
): Head {
  return {
    shapes: [[names.bias, [vocabSize]], ...denseShapes(names.dense, E, C), ...normShapes(names.norm, E)],
    tokens: "all",
    keys: 0,
    apply(all, { batch: { positions }, get, dense, norm }) {
      const hidden = positions?.rank === 1 ? embedding(all.reshape([-1, C]), positions) : all;
      const normed = norm(ACTIVATIONS[activation](dense(hidden, names.dense)), names.norm);
      return normed.matmul(get(names.words), { transposeB: true }).add(get(names.bias));
    },
  };
}
