import type { Params } from "../nn/linear.ts";

/**
 * A parsed `config.json` as files need it beside a causal model's parameters: where they have a `lm_head.weight` of their
 * own, as when an adapter that changed the words or the logits alone was merged, it says that words are not tied.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const json = { model_type: "gpt2", vocab_size: 64, n_embd: 32, n_layer: 1, n_head: 2, n_positions: 16 };
 * const params = dd.models.fromConfig(json, { head: "causal-lm" }).init(dd.random.key(0));
 * const apart = { ...params, "lm_head.weight": dd.zeros([64, 32]) };
 * console.log(dd.models.configFor(json, params) === json); // true
 * console.log(dd.models.configFor(json, apart).tie_word_embeddings); // false
 * ```
 */
export function configFor(
  json: Readonly<Record<string, unknown>>,
  params: Params,
): Readonly<Record<string, unknown>> {
  return Object.hasOwn(params, "lm_head.weight") ? { ...json, tie_word_embeddings: false } : json;
}
