import type { HostPairBatch } from "../data/generation/source_target.ts";
import type { HostTextBatch } from "../data/generation/text_batches.ts";
import type { CausalBatch } from "../models/causal.ts";
import type { Seq2SeqBatch } from "../models/seq2seq.ts";
import { tensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** A batch of texts as a causal model takes it, with what it is to predict. All are i32. */
export interface TextBatch extends CausalBatch {
  /** Place of a token in its text `[B, T]`. */
  readonly positionIds: Tensor;
  /** The token behind each place, −100 where that is not asked: `[B, T]`, or `[M]` with `positions`. */
  readonly labels: Tensor;
}

/**
 * A batch of texts as plain arrays as the tensors that a causal model takes. They stay on the host until a step needs
 * them.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const examples = [{ ids: [5, 6, 7], labels: [-100, 7, -100] }];
 * const encoded = { examples, length: 4, padId: 0, isPacked: false, cut: 0, dropped: 0 };
 * const [batch] = dd.data.textBatches(encoded, { batchSize: 1 });
 * const { inputIds, labels } = dd.train.toTextBatch(batch);
 * console.log(inputIds.dtype, inputIds.shape, labels.shape); // i32 [1, 4] [1, 4]
 * ```
 */
export function toTextBatch(batch: HostTextBatch): TextBatch {
  const { inputIds, attentionMask, positionIds, segmentIds, positions, labels, shape } = batch;
  return {
    inputIds: tensor(inputIds, { shape }),
    attentionMask: tensor(attentionMask, { shape }),
    positionIds: tensor(positionIds, { shape }),
    ...segmentIds && { segmentIds: tensor(segmentIds, { shape }) },
    ...positions && { positions: tensor(positions) },
    labels: positions ? tensor(labels) : tensor(labels, { shape }),
  };
}

/** A batch of pairs as an encoder and a decoder take it, with what is to be predicted. All are i32. */
export interface PairBatch extends Seq2SeqBatch {
  /** 1 for tokens that the decoder reads, 0 for padding `[B, T]`. */
  readonly decoderAttentionMask: Tensor;
  /** The token behind each that the decoder reads `[B, T]`, −100 where that is not asked. */
  readonly labels: Tensor;
}

/**
 * A batch of pairs as plain arrays as the tensors that an encoder and a decoder take.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const examples = [{ source: [2, 5, 3], target: [2, 3] }];
 * const encoded = { examples, lengths: { source: 4, target: 2 }, padId: 0, startId: 3, cut: 0 };
 * const [batch] = dd.data.pairBatches(encoded, { batchSize: 1 });
 * console.log(dd.train.toPairBatch(batch).decoderInputIds.shape); // [1, 2]
 * ```
 */
export function toPairBatch(
  { inputIds, attentionMask, decoderInputIds, decoderAttentionMask, labels, shape }: HostPairBatch,
): PairBatch {
  const [source, target] = [shape.source, shape.target].map((length): [number, number] => [shape.rows, length]);
  return {
    inputIds: tensor(inputIds, { shape: source }),
    attentionMask: tensor(attentionMask, { shape: source }),
    decoderInputIds: tensor(decoderInputIds, { shape: target }),
    decoderAttentionMask: tensor(decoderAttentionMask, { shape: target }),
    labels: tensor(labels, { shape: target }),
  };
}
