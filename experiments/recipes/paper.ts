// deno task reproduce glue --scale paper --model FacebookAI/roberta-base --data GLUE
import type { GlueTaskName } from "../../lib/data/mod.ts";
import { recipeNamed } from "./methods.ts";
import type { Scale, TaskRecipe } from "./scale.ts";

/**
 * LoRA on RoBERTa-base: table 9 of 2106.09685 and its scripts. There a batch is that of each device, and there may have
 * been several; here it is the whole batch. WNLI, which the paper leaves out, has the settings of RTE.
 */
const LORA: Readonly<Record<GlueTaskName, readonly [learningRate: number, batchSize: number, epochs: number]>> = {
  mnli: [5e-4, 16, 30],
  sst2: [5e-4, 16, 60],
  mrpc: [4e-4, 16, 30],
  cola: [4e-4, 32, 80],
  qnli: [4e-4, 32, 25],
  qqp: [5e-4, 16, 25],
  rte: [5e-4, 32, 80],
  stsb: [4e-4, 16, 40],
  wnli: [5e-4, 32, 80],
};

/** AdaLoRA's own settings on GLUE, which are for DeBERTa-v3-base: 2303.10512, and its scripts. */
interface AdaloraSettings {
  readonly learningRate: number;
  readonly epochs: number;
  readonly tokens: number;
  readonly alpha: number;
  readonly initialRank: number;
  readonly targetRank: number;
  /** tᵢ, t_f and Δ_T, in steps. */
  readonly schedule: readonly [warmup: number, final: number, interval: number];
  /** γ. */
  readonly orthogonality: number;
  /** Steps, or below 1 a share of the run. */
  readonly warmup: number;
  readonly weightDecay: number;
}

function adalora(
  [learningRate, epochs, tokens]: readonly [number, number, number],
  [alpha, initialRank, targetRank]: readonly [number, number, number],
  schedule: AdaloraSettings["schedule"],
  [orthogonality, warmup, weightDecay]: readonly [number, number, number],
): AdaloraSettings {
  return { learningRate, epochs, tokens, alpha, initialRank, targetRank, schedule, orthogonality, warmup, weightDecay };
}

const RTE = adalora([1.2e-3, 50, 320], [32, 2, 1], [600, 1800, 1], [.3, 200, .01]);
const ADALORA: Readonly<Record<GlueTaskName, AdaloraSettings>> = {
  mnli: adalora([5e-4, 7, 256], [16, 3, 1], [8000, 50000, 100], [.1, 1000, 0]),
  sst2: adalora([8e-4, 24, 128], [16, 2, 1], [6000, 22000, 100], [.1, 1000, .01]),
  cola: adalora([8e-4, 25, 64], [32, 3, 1], [800, 3500, 10], [.1, 100, 0]),
  qqp: adalora([8e-4, 5, 320], [16, 2, 1], [8000, 25000, 100], [.1, 2000, .01]),
  qnli: adalora([5e-4, 5, 512], [32, 2, 1], [2000, 8000, 100], [.1, 500, .01]),
  rte: RTE,
  mrpc: adalora([1e-3, 30, 320], [32, 2, 1], [600, 1800, 1], [.1, .1, .01]),
  stsb: adalora([2.2e-3, 25, 128], [32, 2, 1], [800, 2000, 10], [.3, 100, .1]),
  wnli: RTE,
};

const isPaperTask = (name: string): name is GlueTaskName => Object.hasOwn(LORA, name);

/** Tasks whose runs start from the MNLI run. */
const FROM_MNLI: readonly GlueTaskName[] = ["mrpc", "rte", "stsb"];

/** RoBERTa's own fine-tuning, as recalled; check with 1907.11692, table 10, and fairseq's README for GLUE. */
function fullRecipe(task: GlueTaskName): Pick<TaskRecipe, "learningRate" | "batchSize" | "length"> {
  const isSmall = ["cola", "mrpc", "rte", "stsb", "wnli"].includes(task);
  return {
    learningRate: task === "rte" || task === "stsb" || task === "wnli" ? 2e-5 : 1e-5,
    batchSize: isSmall ? 16 : 32,
    length: { epochs: 10 },
  };
}

/** AdaLoRA's recipe for a task: all six kinds of layers, in its own lengths and rates. */
function adaloraRecipe(task: GlueTaskName, shared: TaskRecipe): TaskRecipe {
  const { learningRate, epochs, tokens, alpha, initialRank, targetRank, schedule, ...own } = ADALORA[task];
  const [warmup, final, interval] = schedule;
  return {
    ...shared,
    learningRate,
    tokens,
    batchSize: 32,
    length: { epochs },
    warmup: own.warmup,
    weightDecay: own.weightDecay,
    method: {
      alpha,
      initialRank,
      targetRank,
      warmup,
      final,
      interval,
      orthogonality: own.orthogonality,
      targets: ".*\\.layer\\.\\d+\\..*",
    },
  };
}

/**
 * RoBERTa-base on GLUE with the papers' settings, hours on a GPU: LoRA's for all low-rank methods but AdaLoRA, which has its
 * own, and for methods that have none in these papers. Delta-LoRA: λ = 0.5 and K = 2000, as recalled; check with
 * 2309.02411. Dropout is the model's own; biases and layer norms do not decay, as in the scripts' trainer, which clips
 * gradients at 1. What is trained without AdamW has the rate of `experiments/recipes/methods.ts`.
 */
export const PAPER: Scale = {
  name: "paper",
  model: {
    id: "FacebookAI/roberta-base",
    config: {
      model_type: "roberta",
      vocab_size: 50265,
      hidden_size: 768,
      num_hidden_layers: 12,
      num_attention_heads: 12,
      intermediate_size: 3072,
      max_position_embeddings: 514,
      type_vocab_size: 1,
      layer_norm_eps: 1e-5,
      pad_token_id: 1,
    },
  },
  tasks: ["mnli", "sst2", "mrpc", "cola", "qnli", "qqp", "rte", "stsb"],
  seeds: 5,
  out: "runs/glue-paper",
  padding: "bucket",
  scores: "raw",
  recipe(task, method) {
    if (!isPaperTask(task)) {
      throw new RangeError(
        `the papers have no settings for the task ${task}: sizes default and small have some for any`,
      );
    }
    const [learningRate, batchSize, epochs] = LORA[task];
    const shared: TaskRecipe = {
      learningRate,
      batchSize,
      length: { epochs },
      tokens: 512,
      weightDecay: 0.1,
      decaysBiases: false,
      warmup: 0.06,
      checkpoint: "best",
      ...FROM_MNLI.includes(task) && { start: "mnli" },
      // WNLI's runs have fewer steps than that, and W would never move.
      method: { rank: 8, alpha: 16, lambda: 0.5, startStep: task === "wnli" ? 0.25 : 2000 },
    };
    if (method === "adalora") return adaloraRecipe(task, shared);
    if (method === "full") return { ...shared, ...fullRecipe(task) };
    const { optimizer, learningRate: usual } = recipeNamed(method);
    return optimizer ? { ...shared, ...fullRecipe(task), learningRate: usual } : shared;
  },
};
