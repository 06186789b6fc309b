import { attention } from "../nn/attention.ts";
import { type Params, tensorOf } from "../nn/linear.ts";
import { stopGradient } from "../ops/mod.ts";
import type { Key } from "../ops/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { keyring } from "./assemble.ts";
import type { BartDescription } from "./bart_config.ts";
import { BART_WORDS, bartDecoder, bartEncoder } from "./bart_parts.ts";
import {
  crossDecode,
  crossDecoderKeys,
  type CrossDecoderParts,
  crossDecoderShapes,
  type CrossKeys,
  crossKeysOf,
} from "./cross_decoder.ts";
import type { Projected } from "./decoder.ts";
import { encode, encoderKeys, encoderShapes } from "./encoder.ts";
import type { ParameterShape } from "./parameter_shapes.ts";
import type { Seq2SeqBatch } from "./seq2seq.ts";

/** A buffer of transformers': it is added to logits, and nothing trains it. */
export const LOGITS_BIAS = "final_logits_bias";

/** What the layers of a decoder attend to, in their order. */
export interface Kept {
  readonly own: Projected[];
  readonly cross: CrossKeys[];
}

/** What a {@linkcode BartReader} is given beside parameters and a batch. */
export interface ReadOptions {
  /** What drops out is drawn from; without it, nothing is. */
  readonly key?: Key;
  /** Keys that the head takes; none by default. */
  readonly headKeys?: number;
  /** Takes what the decoder's layers attend to. */
  readonly kept?: Kept;
}

/** Encoder and decoder of a BART as functions of parameters. */
export interface BartReader {
  readonly decoder: CrossDecoderParts;
  /** All parameters but the head's. */
  readonly shapes: readonly ParameterShape[];
  /** Hidden states of the decoder's last layer, `[B, T, C]`, and the head's next key. */
  read(
    params: Params,
    batch: Omit<Seq2SeqBatch, "positions">,
    options?: ReadOptions,
  ): { readonly hidden: Tensor; readonly nextKey: () => Key | undefined };
}

/** The reader of a BART. */
export function bartReader(described: BartDescription): BartReader {
  const encoder = bartEncoder(described);
  const { parts: decoder, embeddings } = bartDecoder(described);
  const { maxLength, attentionDropout, checkpoint } = decoder.sizes;
  const keys = encoderKeys(encoder) + crossDecoderKeys(decoder);
  return {
    decoder,
    shapes: [...encoderShapes(encoder), ...embeddings, ...crossDecoderShapes(decoder)],
    read(params, { inputIds, attentionMask, ...written }, { key, headKeys = 0, kept } = {}) {
      const T = written.decoderInputIds.shape[1];
      if (T > maxLength) {
        throw new RangeError(`bart: ${T} written tokens are more than the model's ${maxLength} positions`);
      }
      const nextKey = keyring(key, keys + headKeys);
      // A BART has no types of tokens: what stands for them is not read.
      const batch = { inputIds, attentionMask, tokenTypeIds: inputIds };
      const states = encode(encoder, params, batch, { nextKey, tokens: "all" });
      const hidden = crossDecode(decoder, params, {
        inputIds: written.decoderInputIds,
        attend(own, _, key) {
          kept?.own.push(own);
          const mask = written.decoderAttentionMask;
          return attention(own.q, own.k, own.v, { causal: true, mask, dropout: attentionDropout, key });
        },
        cross(layers, i) {
          const cross = crossKeysOf(decoder, layers, decoder.layer(i), states);
          kept?.cross.push(cross);
          return cross;
        },
        crossMask: attentionMask,
        nextKey,
        checkpoint: checkpoint && !kept,
      });
      return { hidden, nextKey };
    },
  };
}

/** Logits of hidden states `[..., C]` through the embeddings of words. */
export function bartLogits(params: Params, hidden: Tensor): Tensor {
  const logits = hidden.matmul(tensorOf(params, BART_WORDS), { transposeB: true });
  return logits.add(stopGradient(tensorOf(params, LOGITS_BIAS).astype("f32").reshape([-1])));
}
