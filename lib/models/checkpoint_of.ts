import type { Tensor } from "../tensor/tensor.ts";
import type { PretrainedModel } from "./architecture.ts";
import { transposeMatrix } from "./transpose_matrix.ts";

/**
 * A model's parameters like Hugging Face's files hold them: what {@linkcode paramsFrom} reads. Weights of Conv1D layers
 * (GPT-2) are turned to `[in, out]`, all others are what they were.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const json = { model_type: "gpt2", vocab_size: 64, n_embd: 32, n_layer: 1, n_head: 2, n_positions: 16 };
 * const model = dd.models.fromConfig(json, { head: "causal-lm" });
 * const params = model.init(dd.random.key(0));
 * const name = "transformer.h.0.attn.c_attn.weight";
 * console.log(params[name].shape, dd.models.checkpointOf(params, model)[name].shape); // [96, 32] [32, 96]
 * ```
 */
export function checkpointOf(
  params: Readonly<Record<string, Tensor>>,
  { transposed }: Pick<PretrainedModel, "transposed">,
): Record<string, Tensor> {
  const turned = new Set(transposed);
  return Object.fromEntries(
    Object.entries(params).map(([name, x]) => [name, turned.has(name) ? transposeMatrix(x) : x]),
  );
}
