import { transpose } from "../../ops/mod.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Factors, LowRankPatterns } from "../factors.ts";
import type { Adapter, BaseParams } from "../method.ts";
import { PEFT_PREFIX } from "./adapter_tensors.ts";
import { isConv1D, LANGUAGE_HEAD, tiedWords } from "./decoder_parts.ts";
import { modulePath, type SavedModules, savedModules } from "./saved_modules.ts";

/** What the two files of an adapter are made of. */
export interface AdapterParts {
  /** Fields of `adapter_config.json`: `peft_type` and the method's options. */
  readonly settings: Adapter["config"];
  /** Paths of the layers that are adapted. */
  readonly targets: readonly string[];
  /** Tensors of each target by the endings of their names in the file, such as `.lora_A.weight`. */
  readonly parts: Readonly<Record<string, (target: string) => Tensor>>;
  /** What was trained whole, by the names of parameters. */
  readonly heads: Readonly<Record<string, Tensor>>;
  /** Tensors of no target, by their whole names in the file; none by default. */
  readonly shared?: Readonly<Record<string, Tensor>>;
  /** The model's own parameters, of which PEFT saves those beside the heads in the same modules. */
  readonly base: BaseParams;
}

/** Kinds of PEFT's with the fields of LoRA's configuration. */
const LORA_KINDS: readonly string[] = ["LORA", "ADALORA"];

/** A parameter as PEFT has it: weights of Conv1D layers as `[in, out]`. */
const asInFile = (name: string, x: Tensor): Tensor =>
  x.rank === 2 && name.endsWith(".weight") && isConv1D(modulePath(name)) ? transpose(x) : x;

type WrittenParts = Omit<AdapterParts, "base" | "heads"> & { readonly saved: SavedModules };

function adapterOf({ settings, targets, parts, shared, saved }: WrittenParts): Adapter {
  const named = [
    ...Object.entries(parts).flatMap(([ending, partOf]) =>
      targets.map((target) => [`${target}${ending}`, partOf(target)] as const)
    ),
    ...Object.entries(saved.tensors).map(([name, x]) => [name, asInFile(name, x)] as const),
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
    tensors: { ...shared, ...Object.fromEntries(named.map(([name, tensor]) => [`${PEFT_PREFIX}${name}`, tensor])) },
  };
}

/**
 * An adapter of a kind that Hugging Face PEFT does not have, in files like PEFT's under a `peft_type` of its own, for
 * the `export` of a method. Modules that are saved whole are named one by one.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const adapter = dd.peft.ownAdapter({
 *   settings: { peft_type: "MINE" },
 *   targets: ["query"],
 *   parts: { ".core": () => dd.zeros([2, 2]) },
 *   heads: {},
 * });
 * console.log(Object.keys(adapter.tensors)); // ["base_model.model.query.core"]
 * ```
 */
export function ownAdapter({ heads, ...rest }: Omit<AdapterParts, "base">): Adapter {
  const modules = [...new Set(Object.keys(heads).map(modulePath))];
  return adapterOf({ ...rest, saved: { modules, task: modules.length > 0 ? "SEQ_CLS" : null, tensors: heads } });
}

/**
 * An adapter for Hugging Face PEFT, of a kind that it has, for the `export` of a method: settings, tensors of the
 * targets, and what is saved whole, under its name in PEFT. {@linkcode loraAdapter} is the one for LoRA's form.
 *
 * Throws an Error where a target lies in a module that PEFT would save whole.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const { config } = dd.peft.peftAdapter({
 *   settings: { peft_type: "ADALORA", r: 2 },
 *   targets: ["query"],
 *   parts: { ".lora_E": () => dd.zeros([2, 1]) },
 *   heads: {},
 *   base: { "query.weight": dd.zeros([3, 4]) },
 * });
 * console.log(config.peft_type, config.target_modules, config.lora_dropout); // ADALORA ["query"] 0
 * ```
 */
export function peftAdapter({ base, heads, settings, ...rest }: AdapterParts): Adapter {
  const isLora = LORA_KINDS.includes(String(settings.peft_type));
  const isTransposed = rest.targets.length > 0 && rest.targets.every(isConv1D);
  const usual = { ...isLora && { lora_dropout: 0, bias: "none" }, fan_in_fan_out: isTransposed };
  const saved = savedModules({ base, heads, targets: rest.targets });
  const words = tiedWords(base);
  const whole = words === undefined ? undefined : saved.tensors[words];
  if (whole === undefined) return adapterOf({ ...rest, settings: { ...usual, ...settings }, saved });
  // Else PEFT would make logits with the words as they were. Of its other kinds none can be told to keep both one.
  const tensors = { ...saved.tensors, [LANGUAGE_HEAD]: whole };
  const modules = isLora ? saved.modules : [...saved.modules, modulePath(LANGUAGE_HEAD)];
  const tied = isLora ? { ensure_weight_tying: true } : {};
  return adapterOf({ ...rest, settings: { ...usual, ...tied, ...settings }, saved: { ...saved, modules, tensors } });
}

/** What {@linkcode loraAdapter} is made of. */
export interface LoraAdapterParts extends Pick<AdapterParts, "heads" | "base">, LowRankPatterns {
  /** r: the rank of all factors but those that `rankPattern` names. */
  readonly rank: number;
  /** α: the product of the factors weighs α/r. */
  readonly alpha: number;
  /** A `[r, in]` and B `[out, r]` by the paths of targets. */
  readonly factors: Readonly<Record<string, Factors>>;
  /** DoRA's magnitudes, `[out]` each. */
  readonly magnitudes?: Readonly<Record<string, Tensor>>;
  /** Rate of dropout in front of A, which PEFT uses where it trains on; 0 by default. */
  readonly dropout?: number;
}

/**
 * An adapter of LoRA's form (`peft_type: "LORA"`) for Hugging Face PEFT, for the `export` of every method whose change
 * of a weight is (α/r)·B·A, or DoRA's with `magnitudes`.
 *
 * Throws an Error where a target lies in a module that PEFT would save whole.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const base = { "query.weight": dd.zeros([3, 4]) };
 * const factors = { query: { A: dd.zeros([2, 4]), B: dd.zeros([3, 2]) } };
 * const { config, tensors } = dd.peft.loraAdapter({ rank: 2, alpha: 4, factors, heads: {}, base });
 * console.log(config.r, config.target_modules); // 2 ["query"]
 * console.log(Object.keys(tensors)[0]); // base_model.model.query.lora_A.weight
 * ```
 */
export function loraAdapter(
  { rank, alpha, factors, heads, base, magnitudes, dropout = 0, rankPattern = {}, alphaPattern = {}, scaling }:
    LoraAdapterParts,
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
