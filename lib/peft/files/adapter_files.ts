import type { Tensor } from "../../tensor/tensor.ts";
import type { Factors, LowRankPatterns } from "../factors.ts";
import type { Adapter, BaseParams } from "../method.ts";
import { PEFT_PREFIX } from "./adapter_tensors.ts";
import { modulePath, type SavedModules, savedModules } from "./saved_modules.ts";

/** What an adapter's files are made of. */
export interface AdapterParts {
  readonly settings: Adapter["config"];
  readonly targets: readonly string[];
  /** Parts of each target by the endings of their names. */
  readonly parts: Readonly<Record<string, (target: string) => Tensor>>;
  /** What was trained whole. */
  readonly heads: Readonly<Record<string, Tensor>>;
  /** The model's own parameters. */
  readonly base: BaseParams;
}

type WrittenParts = Omit<AdapterParts, "base" | "heads"> & { readonly saved: SavedModules };

function adapterOf({ settings, targets, parts, saved }: WrittenParts): Adapter {
  const named = [
    ...Object.entries(parts).flatMap(([ending, partOf]) =>
      targets.map((target) => [`${target}${ending}`, partOf(target)] as const)
    ),
    ...Object.entries(saved.tensors),
  ];
  return {
    config: {
      task_type: saved.task,
      base_model_name_or_path: null,
      inference_mode: true,
      target_modules: targets,
      modules_to_save: saved.modules.length > 0 ? saved.modules : null,
      ...settings,
    },
    tensors: Object.fromEntries(named.map(([name, tensor]) => [`${PEFT_PREFIX}${name}`, tensor])),
  };
}

/** An adapter of a kind of our own, in files like PEFT's: modules are named one by one. */
export function ownAdapter({ heads, ...rest }: Omit<AdapterParts, "base">): Adapter {
  const modules = [...new Set(Object.keys(heads).map(modulePath))];
  return adapterOf({ ...rest, saved: { modules, task: modules.length > 0 ? "SEQ_CLS" : null, tensors: heads } });
}

/** An adapter of LoRA's kind for Hugging Face PEFT: settings, parts of targets, and what is saved whole. */
export function peftAdapter({ base, heads, settings, ...rest }: AdapterParts): Adapter {
  const shared = { lora_dropout: 0, bias: "none", fan_in_fan_out: false };
  const saved = savedModules({ base, heads, targets: rest.targets });
  return adapterOf({ ...rest, settings: { ...shared, ...settings }, saved });
}

/** An adapter of LoRA's form for Hugging Face PEFT; `factors` hold A `[r, in]` and B `[out, r]`. */
export function loraAdapter(
  { rank, alpha, factors, heads, base, magnitudes, dropout = 0, rankPattern = {}, alphaPattern = {}, scaling }: {
    readonly rank: number;
    readonly alpha: number;
    readonly factors: Readonly<Record<string, Factors>>;
    readonly heads: Readonly<Record<string, Tensor>>;
    readonly base: BaseParams;
    /** DoRA's magnitudes, `[out]` each. */
    readonly magnitudes?: Readonly<Record<string, Tensor>>;
    readonly dropout?: number;
  } & LowRankPatterns,
): Adapter {
  return peftAdapter({
    settings: {
      peft_type: "LORA",
      r: rank,
      lora_alpha: alpha,
      lora_dropout: dropout,
      rank_pattern: rankPattern,
      alpha_pattern: alphaPattern,
      use_rslora: scaling === "rank-stabilized",
      use_dora: magnitudes !== undefined,
      init_lora_weights: true,
    },
    targets: Object.keys(factors),
    parts: {
      ".lora_A.weight": (target) => factors[target].A,
      ".lora_B.weight": (target) => factors[target].B,
      ...magnitudes && { ".lora_magnitude_vector": (target: string) => magnitudes[target] },
    },
    heads,
    base,
  });
}
