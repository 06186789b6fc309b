// A decoder that looks up the logits of two tokens: its cache has what the tokens are, so that what is lost of it shows.
import type { GenerationInput } from "../../lib/generate/mod.ts";
import type { CachedDecoder, Decoded, DecoderCache } from "../../lib/models/mod.ts";
import { type Params, tensorOf } from "../../lib/nn/mod.ts";
import { arange, embedding, pad, takeAlong, where } from "../../lib/ops/mod.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import fixture from "../fixtures/generate.json" with { type: "json" };

/** Tables of logits by the last token and by the one before it. */
export interface Tables {
  readonly last: readonly (readonly number[])[];
  readonly before: readonly (readonly number[])[];
}

/** The tables as the parameters of {@linkcode tableDecoder}. */
export function tableParams({ last, before }: Tables = fixture): { last: Tensor; before: Tensor } {
  return { last: tensor(last.map((row) => [...row])), before: tensor(before.map((row) => [...row])) };
}

/** The fixture's model: a row of one table for the last token, and a row of the other for the one before it. */
export function tableDecoder(maxLength = 128, vocabSize = fixture.last.length): CachedDecoder<GenerationInput> {
  /** Logits behind tokens in slots `[B, 1, S, 1]`. */
  const logitsOf = (params: Params, { keys: [slots], first, length }: DecoderCache) => {
    const tokens = slots.reshape([slots.shape[0], -1]);
    const at = (back: number) =>
      takeAlong(tokens, length.sub(back).clip({ min: 0 }).expandDims(1), { axis: 1 }).reshape([-1]).astype("i32");
    const hasBefore = length.sub(first).greater(1).expandDims(1);
    const before = embedding(tensorOf(params, "before"), at(2));
    return embedding(tensorOf(params, "last"), at(1)).add(where(hasBefore, before, 0));
  };
  return {
    config: { vocabSize, maxLength },
    prefill(params, { decoderInputIds: ids, decoderAttentionMask: mask }, { capacity }): Decoded {
      const [B, T] = ids.shape;
      const slots = pad(ids.astype("f32"), { width: [0, [0, capacity - T]] }).reshape([B, 1, capacity, 1]);
      const count = mask.sum({ axis: 1 });
      const length = where(mask.greater(0), arange(T).add(1), 0).max({ axis: 1 });
      const cache = { keys: [slots], values: [], first: length.sub(count), length };
      return { logits: logitsOf(params, cache), cache };
    },
    step(params, tokens, { keys: [slots], first, length }): Decoded {
      const isHere = arange(slots.shape[2]).equal(length.expandDims(1)).reshape(slots.shape);
      const written = where(isHere, tokens.astype("f32").reshape([-1, 1, 1, 1]), slots);
      const cache = { keys: [written], values: [], first, length: length.add(1) };
      return { logits: logitsOf(params, cache), cache };
    },
  };
}
