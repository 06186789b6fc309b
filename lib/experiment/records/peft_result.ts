import type { RunRecord } from "./record.ts";

/** PeftFields of any kind, by the names that PEFT gives them. */
export type PeftFields = Readonly<Record<string, unknown>>;

/** A run in the form of PEFT's method comparison. */
export interface PeftResult {
  /** What was run. */
  readonly run_info: {
    readonly created_at: string;
    readonly total_time: number;
    readonly experiment_name: string;
    /** The branch of PEFT, which did not run. */
    readonly peft_branch: null;
    readonly train_config: PeftFields;
    /** `null` where the whole model is trained. */
    readonly peft_config: PeftFields | null;
    readonly error_msg: string;
    /** The run's name here. */
    readonly run_hash: string;
  };
  /** What came of it. */
  readonly train_info: {
    readonly accelerator_memory_reserved_avg: number;
    readonly accelerator_memory_max: number;
    readonly accelerator_memory_reserved_99th: number;
    readonly train_time: number;
    readonly file_size: number;
    readonly num_trainable_params: number;
    readonly num_total_params: number;
    readonly status: "success" | "failed";
    /** Rows of scores, the last of which counts. */
    readonly metrics: readonly PeftFields[];
  };
  /** What ran it. */
  readonly meta_info: PeftFields;
}

/** Options of {@linkcode peftResult}. */
export interface PeftResultOptions {
  /** What the experiment is called: `method/name`, in PEFT's way. */
  readonly name: string;
  /** When the run began, in ISO's format. */
  readonly createdAt: string;
}

/** What PEFT calls options that ours are under another name. */
const OPTION_NAMES: Readonly<Record<string, string>> = {
  rank: "r",
  alpha: "lora_alpha",
  dropout: "lora_dropout",
  targets: "target_modules",
};

/** What `torch.optim` calls optimizers that ours are under another name. */
const OPTIMIZER_NAMES: Readonly<Record<string, string>> = { adamw: "AdamW", sgd: "SGD" };

/** A name in Python's letters: `startStep` is `start_step`. */
const snakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Bytes of a parameter in a file. */
const F32 = 4;

/** The options of the method, under PEFT's names where it has them; none where the whole model is trained. */
function configOf({ spec: { method, model }, result }: RunRecord): PeftFields | null {
  if (result && result.trainableParameters === result.totalParameters) return null;
  const { name, ...options } = method;
  const named = Object.entries(options).map(([option, value]) => [OPTION_NAMES[option] ?? snakeCase(option), value]);
  return {
    peft_type: name.toUpperCase().replaceAll("-", "_"),
    task_type: "SEQ_CLS",
    base_model_name_or_path: model.name,
    ...Object.fromEntries(named),
  };
}

/** What PEFT's `TrainConfig` has, of what this project has; `query_template` and the like are of language models. */
function trainConfigOf({ spec }: RunRecord): PeftFields {
  const { model, batchSize, steps, evaluateEvery = steps, optimizer, seed, scoreBatchSize, task, data } = spec;
  const { name, learningRate, weightDecay, momentum, schedule, warmup, clip = 0 } = optimizer;
  return {
    model_id: model.name,
    dtype: "float32",
    max_seq_length: model.length,
    batch_size: batchSize,
    batch_size_eval: scoreBatchSize ?? null,
    max_steps: steps,
    eval_steps: Math.min(evaluateEvery, steps),
    compile: false,
    use_gc: false,
    query_template: null,
    seed,
    grad_norm_clip: clip,
    optimizer_type: OPTIMIZER_NAMES[name] ?? name,
    optimizer_kwargs: { lr: learningRate, weight_decay: weightDecay, ...momentum !== undefined && { momentum } },
    lr_scheduler: schedule,
    warmup_steps: warmup,
    use_amp: false,
    autocast_adapter_dtype: false,
    generation_kwargs: {},
    attn_implementation: null,
    init_kv_cache_prefix: null,
    task,
    data_source: data.source,
  };
}

/** The scores of a finished run in a row like those that PEFT logs: of the dev split, as no test split is read here. */
function metricsOf({ spec, result }: RunRecord): PeftFields[] {
  if (!result) return [];
  const { steps, batchSize, accumulate = 1, evaluateEvery = steps, model, split, metric } = spec;
  const last = result.curve.slice(-Math.min(evaluateEvery, steps)).map(({ loss }) => loss);
  const samples = steps * batchSize * accumulate;
  return [{
    step: steps,
    split,
    "test accuracy": result.metrics.accuracy ?? null,
    metric,
    ...Object.fromEntries(Object.entries(result.metrics).map(([name, value]) => [`${split} ${name}`, value])),
    "train loss": last.length > 0 ? last.reduce((sum, loss) => sum + loss, 0) / last.length : null,
    "train samples": samples,
    "train total tokens": samples * model.length,
  }];
}

function trainInfoOf(record: RunRecord): PeftResult["train_info"] {
  const { status, result } = record;
  const { peakBytes = 0, curve = [], trainableParameters = 0, totalParameters = 0 } = result ?? {};
  return {
    accelerator_memory_reserved_avg: peakBytes,
    accelerator_memory_max: peakBytes,
    accelerator_memory_reserved_99th: peakBytes,
    train_time: curve.at(-1)?.elapsedSeconds ?? 0,
    file_size: F32 * trainableParameters,
    num_trainable_params: trainableParameters,
    num_total_params: totalParameters,
    status: status === "finished" ? "success" : "failed",
    metrics: metricsOf(record),
  };
}

/**
 * A run as the JSON that [PEFT's method comparison](https://github.com/huggingface/peft/tree/main/method_comparison)
 * reads from its `results/`. Its fields say what this project knows: scores are of the dev split (`split`), the metric
 * that counts stands beside accuracy, which is `null` where the task has none; memory is planned before the first step
 * and the same in all of them; tokens are those of padded batches; sizes of files are those of the trained parameters in
 * f32; packages of Python that nothing used are `null`, and so are parts of the system that records do not know.
 *
 * @example
 * ```ts
 * import { peftResult, type RunRecord } from "@delta-dawn/delta-lora/experiment";
 *
 * function jsonOf(record: RunRecord) {
 *   const createdAt = "2026-11-30T12:00:00+00:00";
 *   return JSON.stringify(peftResult(record, { name: "lora/suite-rte-seed-0", createdAt }), undefined, 2);
 * }
 * ```
 */
export function peftResult(record: RunRecord, { name, createdAt }: PeftResultOptions): PeftResult {
  const { spec: { model, data, task, packageVersion }, result, error = "", hash } = record;
  const absent = ["transformers", "peft", "datasets", "bitsandbytes", "torch"]
    .flatMap((one) => [[`${one}-version`, null], [`${one}-commit-hash`, null]]);
  return {
    run_info: {
      created_at: createdAt,
      total_time: result?.wallSeconds ?? 0,
      experiment_name: name,
      peft_branch: null,
      train_config: trainConfigOf(record),
      peft_config: configOf(record),
      error_msg: error,
      run_hash: hash,
    },
    train_info: trainInfoOf(record),
    meta_info: {
      model_info: { sha: model.hash, created_at: null },
      dataset_info: { [task]: { sha: data.hash, created_at: null } },
      package_info: {
        ...Object.fromEntries(absent),
        "delta-lora-version": packageVersion,
        versions: result?.versions ?? null,
      },
      system_info: {
        ...{ system: null, release: null, version: null, machine: null, processor: null },
        accelerator: result?.device ?? null,
      },
      pytorch_info: "",
    },
  };
}
