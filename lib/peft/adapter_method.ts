import { concat, reshape, zeros } from "../ops/mod.ts";
import { sameShape } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Tree } from "../tensor/tree.ts";
import { adalora, type Triplets } from "./adalora.ts";
import { bitfit } from "./bitfit.ts";
import { bottleneckOf, houlsby, pfeiffer } from "./bottleneck.ts";
import { dora } from "./dora.ts";
import { AdapterTensors, PEFT_PREFIX } from "./files/adapter_tensors.ts";
import { changeBase, type LoraSettings } from "./files/base_changes.ts";
import { ConfigFields, MERGE_IN_PEFT } from "./files/config_fields.ts";
import { CLASSIFIERS, isSavedWith, modulePath } from "./files/saved_modules.ts";
import { targetTest } from "./files/target_modules.ts";
import { lora } from "./lora.ts";
import { type LowRankPatterns, type LowRankTrainable, settingOf, takeHeads } from "./low_rank.ts";
import type { Adapter, BaseParams, Method } from "./method.ts";
import { selectTargets } from "./targets.ts";

/** A method as an adapter's configuration describes it, and what the adapter trained. */
export interface AdapterMethod {
  readonly method: Method;
  /** Takes the place of what `method.init` would draw. */
  readonly trainable: LowRankTrainable<Tree>;
  /**
   * What the method adapts: the model's own parameters, but for those that the adapter changes and the method does not
   * train, as biases and embeddings. Where it changes none they are the ones that were given.
   */
  readonly base: BaseParams;
}

/** Settings that say nothing of what an adapter computes, or are read here. */
const KNOWN_SETTINGS: ReadonlySet<string> = new Set([
  ...["peft_type", "task_type", "peft_version", "auto_mapping", "base_model_name_or_path", "revision"],
  ...["inference_mode", "runtime_config", "megatron_core", "qalora_group_size", "ensure_weight_tying"],
  // Of linear layers, which are all that there is here, PEFT takes fan_in_fan_out for false.
  ...["r", "lora_alpha", "lora_dropout", "rank_pattern", "alpha_pattern", "use_rslora", "use_dora", "fan_in_fan_out"],
  ...["target_modules", "exclude_modules", "layers_to_transform", "layers_pattern", "modules_to_save"],
  ...["bias", "lora_bias", "trainable_token_indices"],
  // How factors began: what counts of it stands in init_lora_weights.
  ...["init_lora_weights", "eva_config", "corda_config", "loftq_config", "lora_ga_config"],
  ...["init_r", "target_r", "total_step", "tinit", "tfinal", "deltaT", "beta1", "beta2", "orth_reg_weight"],
]);

/** Kinds of PEFT's that are no change of weights. */
const PROMPTS: readonly string[] = [
  ...["PROMPT_TUNING", "MULTITASK_PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING", "ADAPTION_PROMPT", "CPT", "CARTRIDGE"],
];

/** Modules that PEFT saves for a task, whether its settings name them or not. */
const SAVED_FOR: Readonly<Record<string, readonly string[]>> = {
  SEQ_CLS: CLASSIFIERS,
  TOKEN_CLS: CLASSIFIERS,
  QUESTION_ANS: ["qa_outputs"],
};

/** Refuses settings that change what is computed and are not here: any that is not off. */
function refuseUnknown(fields: ConfigFields): void {
  for (const name of Object.keys(fields.config)) {
    if (!KNOWN_SETTINGS.has(name)) fields.refuse(name, false, [], {});
  }
  fields.refuse("bias", "none", "all", "lora_only");
  // Other ways to begin, as PiSSA's and OLoRA's, take their part out of the base as well: the saved factors alone are not
  // the change.
  fields.refuse("init_lora_weights", true, false, "gaussian", "eva", "orthogonal", "mica");
}

/** Dead triplets take the place of those that were cut when the adapter was saved. */
function wholeTriplets(path: string, [A, B, E]: readonly Tensor[], rank: number): Triplets {
  const missing = rank - E.size;
  if (missing < 0) {
    throw new Error(`cannot use the adapter: ${path} has ${E.size} triplets, more than init_r = ${rank}`);
  }
  const flat = reshape(E, [E.size]);
  if (E.size === 0) return { P: zeros([B.shape[0], rank]), E: zeros([rank]), Q: zeros([rank, A.shape[1]]) };
  if (missing === 0) return { P: B, E: flat, Q: A };
  return {
    P: concat([B, zeros([B.shape[0], missing])], { axis: 1 }),
    E: concat([flat, zeros([missing])]),
    Q: concat([A, zeros([missing, A.shape[1]])]),
  };
}

/** A pattern that finds these modules and no other. */
function exactly(modules: readonly string[]): RegExp {
  const paths = modules.map((path) => RegExp.escape(path));
  return paths.length === 0 ? /(?!)/ : new RegExp(`^(${paths.join("|")})$`);
}

/** The parts of a model that an adapter of PEFT's is for. */
interface Places {
  /** Paths of linear layers with factors. */
  readonly linear: readonly string[];
  /** Paths of tables of embeddings with factors. */
  readonly tables: readonly string[];
  /** Modules that are saved whole. */
  readonly heads: RegExp;
}

/** Chooses parts of a model as PEFT does. Throws where there is nothing to adapt. */
function placesOf(fields: ConfigFields, tensors: AdapterTensors, base: BaseParams): Places {
  const named = fields.list("modules_to_save");
  const byTask = SAVED_FOR[String(fields.config.task_type)] ?? [];
  const names = Object.keys(base);
  // Our own files of older versions name the task where they hold a pooler alone.
  const saved = names.some((name) => isSavedWith(byTask, name) && tensors.has(name)) ? [...named, ...byTask] : named;
  const heads = exactly([...new Set(names.filter((name) => isSavedWith(saved, name)).map(modulePath))]);
  const targets = fields.names("target_modules");
  const isTarget = targets === undefined
    ? (path: string) => tensors.left.some((name) => name.startsWith(`${path}.lora_`))
    : targetTest(fields, [...named, ...byTask]);
  const matrices = names.filter((name) => name.endsWith(".weight") && base[name].rank === 2).map(modulePath);
  const isTable = (path: string) => path.endsWith("embeddings");
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

/** What is read of an adapter of one kind. */
interface Kind {
  readonly method: Method;
  /** The trained part of a target. */
  readonly part: (path: string) => Tree;
  /** The base with what the adapter changes beside that; nothing by default. */
  readonly changeBase?: () => BaseParams;
}

/** An adapter of our own kinds, whose files PEFT does not read; `undefined` where it is none. */
function ownKind(fields: ConfigFields, tensors: AdapterTensors): Kind | undefined {
  const kind = fields.config.peft_type;
  if (kind !== "BITFIT" && kind !== "BOTTLENECK") return undefined;
  const heads = exactly(fields.list("modules_to_save"));
  if (kind === "BITFIT") return { method: bitfit({ heads }) as Method, part: () => ({}) };
  const make = fields.config.method === "pfeiffer" ? pfeiffer : houlsby;
  const activation = fields.config.activation as "gelu" | "relu";
  const options = { width: fields.number("width"), targets: fields.list("target_modules"), norms: false, heads };
  return {
    method: make({ ...options, activation }) as Method,
    part: (path) => bottleneckOf((ending) => tensors.take(`${path}${ending}`)),
  };
}

/** AdaLoRA; its schedule matters to further training alone. */
function adaloraKind(fields: ConfigFields, tensors: AdapterTensors, { linear, tables, heads }: Places): Kind {
  if (tables.length > 0) throw new Error(`cannot use the adapter: AdaLoRA is not for embeddings, as ${tables[0]}`);
  const initialRank = fields.number("init_r", 12);
  const alpha = fields.number("lora_alpha", 8);
  const method = adalora({
    targets: linear,
    heads,
    dropout: fields.number("lora_dropout", 0),
    alpha: alpha > 0 ? alpha : initialRank,
    initialRank,
    targetRank: Math.min(fields.number("target_r", 8), initialRank),
    totalSteps: fields.number("total_step"),
    warmup: fields.number("tinit", 0),
    final: fields.number("tfinal", 0),
    interval: fields.number("deltaT", 1),
    beta1: fields.number("beta1", 0.85),
    beta2: fields.number("beta2", 0.85),
    orthogonality: fields.number("orth_reg_weight", 0.5),
  });
  const part = (path: string) => {
    const parts = [".lora_A", ".lora_B", ".lora_E"].map((ending) => tensors.take(`${path}${ending}`));
    return wholeTriplets(path, parts, initialRank);
  };
  return { method: method as Method, part };
}

/** LoRA, rsLoRA and DoRA. */
function loraKind(fields: ConfigFields, tensors: AdapterTensors, { linear, heads }: Places): Kind & LoraSettings {
  const patterns: LowRankPatterns = {
    rankPattern: fields.pattern("rank_pattern"),
    alphaPattern: fields.pattern("alpha_pattern"),
    scaling: fields.flag("use_rslora") ? "rank-stabilized" : "standard",
  };
  const options = {
    rank: fields.number("r", 8),
    alpha: fields.number("lora_alpha", 8),
    dropout: fields.number("lora_dropout", 0),
    targets: linear,
    heads,
    ...patterns,
  };
  const isDora = fields.flag("use_dora");
  const made: Method = (isDora ? dora(options) : lora(options)) as Method;
  const init: Method["init"] = (_, base) => ({ trainable: { factors: {}, heads: takeHeads(base, heads) }, aux: {} });
  const magnitude = ".lora_magnitude_vector";
  return {
    // Embeddings alone are adapted by changing the base.
    method: linear.length > 0 ? made : { ...made, init },
    part: (path) => ({
      A: tensors.take(`${path}.lora_A.weight`),
      B: tensors.take(`${path}.lora_B.weight`),
      ...isDora ? { magnitude: tensors.take(`${path}${magnitude}`, `${path}${magnitude}.weight`) } : {},
    }),
    settingOf: (path) => settingOf(path, options),
  };
}

/** An adapter of PEFT's. Throws where its configuration asks for what is not here. */
function peftKind(fields: ConfigFields, tensors: AdapterTensors, base: BaseParams): Kind {
  const type = fields.config.peft_type;
  if (type !== "LORA" && type !== "ADALORA") {
    const cure = PROMPTS.includes(String(type)) ? "prompts are no change of weights, and not here" : MERGE_IN_PEFT;
    fields.fail("peft_type", `"LORA" or "ADALORA", nor our own "BOTTLENECK" or "BITFIT": ${cure}`);
  }
  refuseUnknown(fields);
  const places = placesOf(fields, tensors, base);
  if (type === "ADALORA") {
    const kind = adaloraKind(fields, tensors, places);
    return { ...kind, changeBase: () => changeBase(base, { ...places, fields, tensors }) };
  }
  const { settingOf, ...kind } = loraKind(fields, tensors, places);
  return { ...kind, changeBase: () => changeBase(base, { ...places, fields, tensors, settingOf }) };
}

/**
 * The method and the trained parts of an adapter that Hugging Face PEFT, or this library, wrote for a model: LoRA, rsLoRA,
 * DoRA and AdaLoRA, with all by which PEFT chooses modules, ranks and scales, with modules saved whole, biases and
 * embeddings; and of our own kinds, bottlenecks and BitFit. Settings that are absent have PEFT's defaults.
 *
 * Throws an Error where the configuration asks for what is not here, a tensor is missing or left over, or none of the
 * model's parameters fits.
 */
export function adapterMethod(adapter: Adapter, base: BaseParams): AdapterMethod {
  const fields = new ConfigFields(adapter.config);
  const tensors = new AdapterTensors(adapter.tensors);
  const { method, part, changeBase = () => base } = ownKind(fields, tensors) ?? peftKind(fields, tensors, base);
  const drawn = headsAndTargets(method, base);
  const trainable = {
    factors: Object.fromEntries(Object.keys(drawn.factors).map((path) => [path, part(path)])),
    heads: Object.fromEntries(Object.keys(drawn.heads).map((name) => [name, tensors.take(name)])),
  };
  checkShapes(trainable.factors, drawn.factors);
  checkShapes(trainable.heads, drawn.heads);
  const changed = changeBase();
  if (tensors.left.length > 0) {
    throw new Error(`cannot use the adapter: nothing of the model fits its tensor ${PEFT_PREFIX}${tensors.left[0]}`);
  }
  return { method, trainable, base: changed };
}

/** What a method would begin with on a model: targets, heads and their shapes; nothing that it draws is computed. */
function headsAndTargets(method: Method, base: BaseParams): LowRankTrainable<Tree> {
  const key = zeros([2], { dtype: "u32" });
  return method.init(key, base).trainable as unknown as LowRankTrainable<Tree>;
}

/** Throws where a tensor of the adapter has another shape than its configuration gives it on the model. */
function checkShapes(found: Tree, wanted: Tree, name = ""): void {
  if (!(found instanceof Tensor)) {
    for (const key of Object.keys(found)) checkShapes(found[key], wanted[key], name ? `${name}.${key}` : key);
  } else if (!sameShape(found.shape, (wanted as Tensor).shape)) {
    throw new Error(`cannot use the adapter: its ${name} is [${found.shape}], not [${(wanted as Tensor).shape}]`);
  }
}
