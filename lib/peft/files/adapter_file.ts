import type { Tree } from "../../tensor/tree.ts";
import type { LowRankTrainable } from "../factors.ts";
import type { Adapter, BaseParams, Method } from "../method.ts";
import type { MethodOptions, OptionSchema } from "../method_options.ts";
import { isShared, isTable, selectTargets } from "../targets.ts";
import { AdapterTensors } from "./adapter_tensors.ts";
import { ConfigFields } from "./config_fields.ts";
import { isLanguageHead, LANGUAGE_HEAD, tiedWords, untied } from "./decoder_parts.ts";
import { type FieldValues, readOptions } from "./option_fields.ts";
import { CLASSIFIERS, isSavedWith, modulePath } from "./saved_modules.ts";
import { targetTest } from "./target_modules.ts";

/** Settings that say nothing of what an adapter computes, or are read here. */
const SHARED_SETTINGS: ReadonlySet<string> = new Set([
  ...["peft_type", "task_type", "peft_version", "auto_mapping", "base_model_name_or_path", "revision"],
  ...["inference_mode", "runtime_config", "megatron_core", "qalora_group_size", "ensure_weight_tying"],
  // Of linear layers, which are all that there is here, PEFT takes fan_in_fan_out for false.
  ...["r", "lora_alpha", "lora_dropout", "rank_pattern", "alpha_pattern", "use_rslora", "use_dora", "fan_in_fan_out"],
  ...["target_modules", "exclude_modules", "layers_to_transform", "layers_pattern", "modules_to_save"],
  ...["bias", "lora_bias", "trainable_token_indices"],
  // How factors began: what counts of it stands in init_lora_weights.
  ...["init_lora_weights", "eva_config", "corda_config", "loftq_config", "lora_ga_config"],
]);

/** Modules that PEFT saves for a task, whether its settings name them or not. */
const SAVED_FOR: Readonly<Record<string, readonly string[]>> = {
  SEQ_CLS: CLASSIFIERS,
  TOKEN_CLS: CLASSIFIERS,
  QUESTION_ANS: ["qa_outputs"],
};

/** Refuses settings that change what is computed and are not here: any that is not off. */
function refuseUnknown(fields: ConfigFields, known: ReadonlySet<string>, isPissa: boolean): void {
  for (const name of Object.keys(fields.config)) {
    if (!SHARED_SETTINGS.has(name) && !known.has(name)) fields.refuse(name, false, [], {});
  }
  fields.refuse("bias", "none", "all", "lora_only");
  // Other ways to begin, OLoRA's among them, take their part out of the base as well: the saved factors alone are not the
  // change. What PiSSA takes out is known of the base.
  if (isPissa) return;
  fields.refuse("init_lora_weights", true, false, "gaussian", "eva", "orthogonal", "mica");
}

/** A pattern that finds these modules and no other. */
function exactly(modules: readonly string[]): RegExp {
  const paths = modules.map((path) => RegExp.escape(path));
  return paths.length === 0 ? /(?!)/ : new RegExp(`^(${paths.join("|")})$`);
}

/** The parts of a model that an adapter of PEFT's is for. */
export interface Places {
  /** Paths of linear layers with factors. */
  readonly linear: readonly string[];
  /** Paths of tables of embeddings with factors. */
  readonly tables: readonly string[];
  /** Modules that are saved whole. */
  readonly heads: RegExp;
}

/** Chooses parts of a model by PEFT's rules. Throws where there is nothing to adapt. */
function placesOf(fields: ConfigFields, tensors: AdapterTensors, base: BaseParams): Places {
  const named = fields.list("modules_to_save");
  const byTask = SAVED_FOR[String(fields.config.task_type)] ?? [];
  const names = Object.keys(base);
  // Our own files of older versions name the task where they hold a pooler alone.
  const saved = names.some((name) => isSavedWith(byTask, name) && tensors.has(name)) ? [...named, ...byTask] : named;
  const whole = [...new Set(names.filter((name) => isSavedWith(saved, name)).map(modulePath))];
  if (whole.some(isShared)) {
    fields.fail(
      "modules_to_save",
      "modules but the shared embeddings, which the model reads under other names in PEFT",
    );
  }
  const heads = exactly(whole);
  const targets = fields.names("target_modules");
  const isTarget = targets === undefined
    ? (path: string) => tensors.left.some((name) => name.startsWith(`${path}.lora_`))
    : targetTest(fields, [...named, ...byTask]);
  const matrices = names.filter((name) => name.endsWith(".weight") && base[name].rank === 2).map(modulePath);
  const linear = matrices.filter((path) => !isTable(path) && isTarget(path, "linear"));
  const tables = matrices.filter((path) => isTable(path) && isTarget(path, "table"));
  if (linear.length + tables.length === 0) {
    // Names the nearest modules, where it is not that they are left out.
    if (fields.list("exclude_modules").length === 0) {
      selectTargets(base, typeof targets === "string" ? [targets] : targets ?? [], heads);
    }
    fields.fail("target_modules", "modules of this model that are neither excluded nor saved whole");
  }
  return { linear, tables, heads };
}

/** What a method reads of an adapter. `Part` is what it trains of a target. */
export interface AdapterReading<Part = Tree> {
  /** The method, with the adapter's targets, ranks and scales. */
  readonly method: Method<LowRankTrainable<Tree>>;
  /**
   * The method's options as far as the adapter decides them, for methods that may begin from it; `undefined` where plain
   * options cannot say them.
   */
  readonly options: MethodOptions | undefined;
  /** The trained part of a target, whose tensors it takes from the file. */
  readonly part: (path: string) => Part;
  /** The base with what the adapter changes beside that; nothing by default. */
  readonly changeBase?: () => BaseParams;
}

/**
 * An adapter's configuration and tensors beside the model that they are for: what the `readAdapter` of a {@linkcode
 * MethodDescription} is given.
 */
export class AdapterFile {
  /**
   * The fields of `adapter_config.json`; reading one throws an Error that names it where its value is of another type.
   */
  readonly fields: ConfigFields;
  /** The tensors of `adapter_model.safetensors`, each of which is to be taken once. */
  readonly tensors: AdapterTensors;
  #places: Places | undefined;

  /** The model's parameters; where the adapter changes one of the table of words and the layer that shares it, both apart. */
  readonly base: BaseParams;

  /** `known` names fields that methods read, beside those that all adapters have. */
  constructor({ config, tensors }: Adapter, base: BaseParams, readonly known: ReadonlySet<string>) {
    this.fields = new ConfigFields(config);
    this.tensors = new AdapterTensors(tensors);
    const parts = this.tensors.left.map((name) => name.replace(/\.(weight|lora_.*)$/, ""));
    const words = tiedWords(base);
    const isWhole = words !== undefined && this.tensors.has(words) &&
      isSavedWith(this.fields.list("modules_to_save"), words);
    if (isWhole && this.fields.flag("ensure_weight_tying")) {
      // PEFT writes the table a second time, and reads both as one.
      if (this.tensors.has(LANGUAGE_HEAD)) this.tensors.take(LANGUAGE_HEAD);
      this.base = base;
      return;
    }
    const isOne = (name: string, i: number) =>
      isLanguageHead(parts[i]) || isTable(parts[i]) && name.includes(".lora_embedding_");
    this.base = isWhole || this.tensors.left.some(isOne) ? untied(base) : base;
  }

  /** The field `peft_type`, such as `LORA`. */
  get type(): unknown {
    return this.fields.config.peft_type;
  }

  /** Whether it is an adapter of DoRA. */
  get isDora(): boolean {
    return this.type === "LORA" && this.fields.flag("use_dora");
  }

  /** Whether it is an adapter of PiSSA: its factors began as the principal part of a weight. */
  get isPissa(): boolean {
    return this.type === "LORA" && !this.isDora && this.fields.config.init_lora_weights === "pissa";
  }

  /** Whether it is an adapter of LoRA that scales like rsLoRA, `stabilized`, or like LoRA. */
  isLora({ stabilized }: { readonly stabilized: boolean }): boolean {
    return this.type === "LORA" && !this.isDora && !this.isPissa && this.fields.flag("use_rslora") === stabilized;
  }

  /** A pattern that finds the modules of `modules_to_save`, and no other. */
  get savedModules(): RegExp {
    return exactly(this.fields.list("modules_to_save"));
  }

  /**
   * The parts of the model that PEFT adapts, by the configuration. Throws an Error where there is nothing to adapt, or a
   * setting changes what is computed and is not here.
   */
  get places(): Places {
    refuseUnknown(this.fields, this.known, this.isPissa);
    return this.#places ??= placesOf(this.fields, this.tensors, this.base);
  }

  /** Options by the fields of the configuration that hold them. */
  options<Schema extends OptionSchema>(schema: Schema): FieldValues<Schema> {
    return readOptions(this.fields, schema);
  }
}
