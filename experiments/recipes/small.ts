// deno task reproduce glue --scale small --model DIR --data GLUE
import { recipeNamed } from "./methods.ts";
import type { Scale } from "./scale.ts";

/**
 * MiniLM-L6 (2002.10957, as sentence-transformers trained it on; 22.7 million parameters) on GLUE's own four small tasks:
 * an evening on a CPU. Steps are few and the same for all, so that nothing here is tuned to a task or a method; the rate
 * of full fine-tuning is a twentieth of the others', as between RoBERTa's (1907.11692) and LoRA's (2106.09685); what is
 * trained without AdamW has the rate of `experiments/recipes/methods.ts`.
 */
export const SMALL: Scale = {
  name: "small",
  model: {
    id: "sentence-transformers/all-MiniLM-L6-v2",
    config: {
      model_type: "bert",
      vocab_size: 30522,
      hidden_size: 384,
      num_hidden_layers: 6,
      num_attention_heads: 12,
      intermediate_size: 1536,
      max_position_embeddings: 512,
    },
  },
  tasks: ["cola", "mrpc", "rte", "stsb"],
  seeds: 2,
  out: "runs/glue-small",
  padding: "bucket",
  recipe(_, method) {
    const { optimizer, learningRate } = recipeNamed(method);
    return {
      learningRate: method === "full" ? 5e-5 : optimizer ? learningRate : 1e-3,
      weightDecay: 0.01,
      warmup: 0.06,
      batchSize: 16,
      length: { steps: 400 },
      tokens: 128,
      checkpoint: "last",
    };
  },
};
