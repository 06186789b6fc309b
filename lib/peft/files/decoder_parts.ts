import type { BaseParams } from "../method.ts";

/** Whether a path is that of a Conv1D layer of GPT-2's, whose weight lies as `[in, out]` in files and as `[out, in]` here. */
export const isConv1D = (path: string): boolean =>
  /(^|\.)h\.\d+\.(attn\.(c_attn|c_proj)|mlp\.(c_fc|c_proj))$/.test(path);

/** Whether a path is that of the layer that makes logits of tokens. */
export const isLanguageHead = (path: string): boolean => /(^|\.)lm_head$/.test(path);

/** The weight of the layer that makes logits of tokens. */
export const LANGUAGE_HEAD = "lm_head.weight";

/** The table of words of a decoder whose logits are products with it: `undefined` for all other models. */
export function tiedWords(base: BaseParams): string | undefined {
  const hasHead = Object.hasOwn(base, LANGUAGE_HEAD) || Object.hasOwn(base, "score.weight");
  return hasHead
    ? undefined
    : ["transformer.wte.weight", "model.embed_tokens.weight"].find((name) => Object.hasOwn(base, name));
}

/**
 * The parameters of a decoder with its last layer apart from the table of words that it shares; of all other models, and
 * where it is apart already, the parameters themselves.
 */
export function untied(base: BaseParams): BaseParams {
  const words = tiedWords(base);
  return words === undefined ? base : { ...base, [LANGUAGE_HEAD]: base[words] };
}
