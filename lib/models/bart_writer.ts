import type { Params } from "../nn/linear.ts";
import { arange, embedding, full, zeros } from "../ops/mod.ts";
import type { Key } from "../ops/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { bartLogits, type BartReader, type Kept } from "./bart_reader.ts";
import type { Decoded } from "./causal.ts";
import { firstTokens, lastTokens } from "./causal_rows.ts";
import { crossDecode } from "./cross_decoder.ts";
import { requireRoom, slotsOf, stepInto, takeRows } from "./decoder_cache.ts";
import type { PretrainedSeq2Seq, Seq2SeqBatch, Seq2SeqCache } from "./seq2seq.ts";

/** Where each row's written tokens begin, and the slot past the last one: i32 `[B]` each. */
function bounds({ decoderInputIds, decoderAttentionMask: mask }: Seq2SeqBatch): { first: Tensor; length: Tensor } {
  const [B, T] = decoderInputIds.shape;
  return mask
    ? { first: firstTokens(mask), length: lastTokens(mask).add(1) }
    : { first: zeros([B], { dtype: "i32" }), length: full([B], T, { dtype: "i32" }) };
}

/** A BART that writes texts, whole ones or a token at a time. */
export function bartWriter(
  { decoder, read }: BartReader,
): Pick<PretrainedSeq2Seq, "apply" | "prefill" | "step" | "takeRows"> {
  return {
    apply(params: Params, batch: Seq2SeqBatch, key?: Key): Tensor {
      const { hidden } = read(params, batch, { key });
      const { positions } = batch;
      return bartLogits(params, positions ? embedding(hidden.reshape([-1, hidden.shape[2]]), positions) : hidden);
    },
    prefill(params, batch, { capacity }): Decoded<Seq2SeqCache> {
      const [B, T] = batch.decoderInputIds.shape;
      if (batch.positions) {
        throw new RangeError("bart: prefill cannot take positions: it gives the logits of each row's last token");
      }
      requireRoom("bart", T, capacity);
      const kept: Kept = { own: [], cross: [] };
      const { hidden } = read(params, batch, { kept });
      const { first, length } = bounds(batch);
      const last = embedding(hidden.reshape([B * T, -1]), length.sub(1).add(arange(B).mul(T)));
      const cache: Seq2SeqCache = {
        ...slotsOf(kept.own, capacity),
        first,
        length,
        crossKeys: kept.cross.map(({ keys }) => keys),
        crossValues: kept.cross.map(({ values }) => values),
        crossMask: batch.attentionMask.astype("i32"),
      };
      return { logits: bartLogits(params, last), cache };
    },
    step(params, tokens, cache): Decoded<Seq2SeqCache> {
      const { length, crossKeys, crossValues, crossMask } = cache;
      const { attend, written } = stepInto(cache);
      const hidden = crossDecode(decoder, params, {
        inputIds: tokens.expandDims(1),
        // As in transformers, padding in front counts.
        positions: length.expandDims(1),
        attend,
        cross: (_, i) => ({ keys: crossKeys[i], values: crossValues[i] }),
        crossMask,
        nextKey: () => undefined,
        checkpoint: false,
      });
      return { logits: bartLogits(params, hidden.reshape([tokens.size, -1])), cache: written() };
    },
    takeRows: ({ keys, values, first, length, ...read }, rows) => ({
      ...read,
      ...takeRows({ keys, values, first, length }, rows),
    }),
  };
}
