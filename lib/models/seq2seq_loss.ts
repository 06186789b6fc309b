import { crossEntropy, type LossTerm } from "../nn/losses.ts";
import type { Params } from "../nn/linear.ts";
import { broadcastTo } from "../ops/mod.ts";
import type { Key } from "../ops/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { PretrainedSeq2Seq, Seq2SeqBatch } from "./seq2seq.ts";
import { shiftRight } from "./shift_right.ts";

/** Texts with those that are to be written about them. */
export interface Seq2SeqExamples extends Pick<Seq2SeqBatch, "inputIds" | "attentionMask"> {
  /** What is to be written, i32 `[B, T]`, its end with it; −100 where nothing is asked. */
  readonly labels: Tensor;
  /** Weights of rows, f32 `[B]`: 0 for those that only fill the batch. 1 each by default. */
  readonly weights?: Tensor;
}

/** Options of {@linkcode seq2seqLoss}. */
export interface Seq2SeqLossOptions {
  /** What drops out is drawn from; without it, nothing is. */
  readonly key?: Key;
  /** Share ε of each target that is spread over all tokens, in [0, 1]; 0 by default. */
  readonly labelSmoothing?: number;
}

/**
 * Cross-entropy of what a model writes with the labels: it reads them shifted to the right, behind the start of decoding,
 * as transformers' models do where they are given labels alone. sum / count is the mean over all tokens that are asked for.
 *
 * Throws a RangeError where rows are longer than the model's positions.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const json = { model_type: "bart", vocab_size: 32, d_model: 8, encoder_layers: 1, decoder_layers: 1 };
 * const sizes = { encoder_attention_heads: 2, decoder_attention_heads: 2, encoder_ffn_dim: 8, decoder_ffn_dim: 8 };
 * const model = dd.models.fromConfig({ ...json, ...sizes }, { head: "seq2seq-lm" });
 * const inputIds = dd.tensor([[0, 5, 6, 2]], { dtype: "i32" });
 * const labels = dd.tensor([[7, 2, -100]], { dtype: "i32" });
 * const examples = { inputIds, attentionMask: dd.onesLike(inputIds), labels };
 * const { count } = dd.models.seq2seqLoss(model, model.init(dd.random.key(0)), examples);
 * console.log(await count.item()); // 2
 * ```
 */
export function seq2seqLoss(
  model: Pick<PretrainedSeq2Seq, "apply" | "config">,
  params: Params,
  examples: Seq2SeqExamples,
  { key, labelSmoothing }: Seq2SeqLossOptions = {},
): LossTerm {
  const { inputIds, attentionMask, labels, weights } = examples;
  const decoderInputIds = shiftRight(labels, model.config.tokens);
  const logits = model.apply(params, { inputIds, attentionMask, decoderInputIds }, key);
  const each = weights && broadcastTo(weights.expandDims(1), labels.shape);
  return crossEntropy(logits, labels, { labelSmoothing, weights: each });
}
