// deno task reproduce e2e|webnlg|xsum
import type { RunSpec } from "../../lib/experiment/specs/mod.ts";
import { recipeNamed } from "./methods.ts";
import type { ScaleModel, TaskRecipe } from "./scale.ts";

/** Tasks whose answers are texts, in the order of the paper. */
export const TEXT_TASK_NAMES = ["e2e", "webnlg", "xsum"] as const;

/** Name of one of them. */
export type TextTaskName = typeof TEXT_TASK_NAMES[number];

/** Names of the sizes at which they are reproduced. */
export const TEXT_SCALES = ["default", "paper"] as const;

/** How a method is trained to write texts, and how they are written. */
export interface TextRecipe
  extends Pick<TaskRecipe, "learningRate" | "weightDecay" | "warmup" | "batchSize" | "length" | "tokens" | "method"> {
  /** Most tokens of what a decoder writes about what its encoder reads. */
  readonly targetTokens: number;
  /** AdamW's ε. */
  readonly epsilon?: number;
  readonly labelSmoothing: number;
  readonly decoding: NonNullable<RunSpec["decoding"]>;
  /** Greatest norm of gradients; no limit when absent. */
  readonly clip?: number;
  /** The model's dropout, where it is not its config's. */
  readonly dropout?: number;
}

/** A size at which texts are reproduced. */
export interface TextScale {
  readonly name: typeof TEXT_SCALES[number];
  readonly seeds: number;
  readonly methods: readonly string[];
  /** The model of a task unless told otherwise. */
  readonly model: Readonly<Record<TextTaskName, ScaleModel | undefined>>;
  /** Where records go. */
  readonly out: (task: TextTaskName) => string;
  recipe(task: TextTaskName, method: string): TextRecipe;
}

/** Methods of the paper's tables. */
const METHODS = ["full", "lora", "dylora", "adalora", "delta-lora"];

/** Full fine-tuning moves all weights at once, a tenth as far. */
const isWhole = (method: string) => method === "full";

/** The generated texts and a tiny model: minutes on two cores. */
const DEFAULT: TextScale = {
  name: "default",
  seeds: 2,
  methods: ["full", "lora", "adalora", "delta-lora"],
  model: { e2e: undefined, webnlg: undefined, xsum: undefined },
  out: (task) => `runs/${task}`,
  recipe(_, method) {
    const { optimizer, learningRate } = recipeNamed(method);
    return {
      learningRate: optimizer ? learningRate : isWhole(method) ? 3e-3 : 1e-2,
      weightDecay: 0.01,
      warmup: 0.06,
      batchSize: 8,
      length: { steps: 200 },
      tokens: 128,
      targetTokens: 40,
      labelSmoothing: 0,
      clip: 1,
      decoding: { beams: 4, noRepeatNGrams: 4, maxNewTokens: 40, sources: 40 },
      method: { rank: 4, alpha: 8 },
    };
  },
};

/** GPT-2 Medium's `config.json`. */
const GPT2_MEDIUM: ScaleModel = {
  id: "openai-community/gpt2-medium",
  config: {
    model_type: "gpt2",
    vocab_size: 50257,
    n_positions: 1024,
    n_embd: 1024,
    n_layer: 24,
    n_head: 16,
    bos_token_id: 50256,
    eos_token_id: 50256,
  },
};

/** BART-Large's `config.json`. */
const BART_LARGE: ScaleModel = {
  id: "facebook/bart-large",
  config: {
    model_type: "bart",
    is_encoder_decoder: true,
    vocab_size: 50265,
    max_position_embeddings: 1024,
    d_model: 1024,
    encoder_layers: 12,
    decoder_layers: 12,
    encoder_attention_heads: 16,
    decoder_attention_heads: 16,
    encoder_ffn_dim: 4096,
    decoder_ffn_dim: 4096,
    bos_token_id: 0,
    pad_token_id: 1,
    eos_token_id: 2,
    decoder_start_token_id: 2,
    forced_eos_token_id: 2,
  },
};

/** Texts of the LoRA paper: log p over the length to the power of the penalty, no 4-gram twice. */
const beams = (lengthPenalty: number) => ({ beams: 10, lengthPenalty, noRepeatNGrams: 4, maxNewTokens: 64 });

/** E2E and WebNLG on GPT-2 Medium: the LoRA paper (2106.09685) and its scripts. */
function gpt2Recipe(task: "e2e" | "webnlg", method: string): TextRecipe {
  return {
    learningRate: isWhole(method) ? 5e-5 : 2e-4,
    weightDecay: 0.01,
    warmup: 500,
    epsilon: 1e-6,
    batchSize: 8,
    length: { epochs: 5 },
    tokens: 512,
    targetTokens: 64,
    labelSmoothing: 0.1,
    decoding: beams(task === "e2e" ? 0.9 : 0.8),
    // Dropout in the branch of LoRA and its kin, none of Delta-LoRA; λ and K as recalled: check with 2309.02411.
    method: { rank: 4, alpha: 32, dropout: method === "delta-lora" ? 0 : 0.1, lambda: 2, startStep: 500 },
  };
}

/** XSum on BART-Large: AdaLoRA's scripts (2303.10512). */
function bartRecipe(method: string): TextRecipe {
  return {
    learningRate: isWhole(method) ? 3e-5 : 5e-4,
    weightDecay: 0,
    warmup: 3000,
    batchSize: 64,
    length: { epochs: 25 },
    tokens: 768,
    targetTokens: 64,
    labelSmoothing: 0,
    decoding: { beams: 8, maxNewTokens: 64 },
    // λ and K as recalled: check with 2309.02411.
    method: { rank: 8, alpha: 32, lambda: 0.5, startStep: 1000 },
  };
}

/**
 * The papers' settings, for a GPU: hours to days. Rates of full fine-tuning, XSum's rank and its label smoothing are not in
 * them: they are usual ones.
 */
const PAPER: TextScale = {
  name: "paper",
  seeds: 3,
  methods: METHODS,
  model: { e2e: GPT2_MEDIUM, webnlg: GPT2_MEDIUM, xsum: BART_LARGE },
  out: (task) => `runs/${task}-paper`,
  recipe: (task, method) => task === "xsum" ? bartRecipe(method) : gpt2Recipe(task, method),
};

/** Sizes by name. */
export const TEXT_SCALE: Readonly<Record<typeof TEXT_SCALES[number], TextScale>> = { default: DEFAULT, paper: PAPER };
