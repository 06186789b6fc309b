import { concat, full, where } from "../ops/mod.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Seq2SeqTokens } from "./seq2seq.ts";

/**
 * What a decoder reads to write these tokens, i32 `[B, T]`: each of them one place later, behind the start of decoding,
 * and padding where a label is −100, as transformers' `shift_tokens_right` makes it.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const labels = dd.tensor([[5, 6, 2], [7, 2, -100]], { dtype: "i32" });
 * const inputs = dd.models.shiftRight(labels, { padId: 1, decoderStartId: 2 });
 * console.log(await inputs.data()); // Int32Array [2, 5, 6, 2, 7, 2]
 * ```
 */
export function shiftRight(
  labels: Tensor,
  { padId, decoderStartId }: Pick<Seq2SeqTokens, "padId" | "decoderStartId">,
): Tensor {
  const [B, T] = labels.shape;
  const start = full([B, 1], decoderStartId, { dtype: "i32" });
  if (T === 1) return start;
  const others = labels.astype("i32").slice({ start: [0, 0], size: [B, T - 1] });
  return concat([start, where(others.equal(-100), padId, others)], { axis: 1 });
}
