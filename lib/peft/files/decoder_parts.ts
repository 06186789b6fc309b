import type { BaseParams } from "../method.ts";

/** Whether a path is that of a Conv1D layer of GPT-2's, whose weight lies as `[in, out]` in files and as `[out, in]` here. */
export const isConv1D = (path: string): boolean =>
  /(^|\.)h\.\d+\.(attn\.(c_attn|c_proj)|mlp\.(c_fc|c_proj))$/.test(path);

/** Whether a path is that of the layer that makes logits of tokens. */
export const isLanguageHead = (path: string): boolean => /(^|\.)lm_head$/.test(path);

/** The layer that makes logits of tokens. */
const HEAD = "lm_head.weight";

/**
 * The parameters of a decoder with its last layer apart from the table of words that it shares; of all other models, and
 * where it is apart already, the parameters themselves.
 */
export function untied(base: BaseParams): BaseParams {
  const words = ["transformer.wte.weight", "model.embed_tokens.weight"].find((name) => Object.hasOwn(base, name));
  const hasHead = Object.hasOwn(base, HEAD) || Object.hasOwn(base, "score.weight");
  return words === undefined || hasHead ? base : { ...base, [HEAD]: base[words] };
}
