import type { Adapter } from "../method.ts";

/** What PEFT wraps a model for: it then has the functions of such a model, `generate` for one. */
export type TaskType = "SEQ_CLS" | "CAUSAL_LM" | "SEQ_2_SEQ_LM";

/**
 * An adapter whose `adapter_config.json` says for what kind of model it is, which its parameters alone do not tell: PEFT
 * then loads it as that (`PeftModelForSeq2SeqLM`). Nothing else changes.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const base = { "decoder.q_proj.weight": dd.zeros([3, 4]) };
 * const factors = { "decoder.q_proj": { A: dd.zeros([2, 4]), B: dd.zeros([3, 2]) } };
 * const adapter = dd.peft.loraAdapter({ rank: 2, alpha: 4, factors, heads: {}, base });
 * console.log(dd.peft.withTaskType(adapter, "SEQ_2_SEQ_LM").config.task_type); // SEQ_2_SEQ_LM
 * ```
 */
export function withTaskType(adapter: Adapter, taskType: TaskType): Adapter {
  return { ...adapter, config: { ...adapter.config, task_type: taskType } };
}
