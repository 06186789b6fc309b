import { concat, reshape, zeros } from "../ops/mod.ts";
import { sameShape } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Tree } from "../tensor/tree.ts";
import { adalora, type Triplets } from "./adalora.ts";
import { bitfit } from "./bitfit.ts";
import { bottleneckOf, houlsby, pfeiffer } from "./bottleneck.ts";
import { dora } from "./dora.ts";
import { lora } from "./lora.ts";
import { type LowRankPatterns, type LowRankTrainable, PEFT_PREFIX } from "./low_rank.ts";
import type { Adapter, BaseParams, Method } from "./method.ts";

/** A method as an adapter's configuration describes it, and what the adapter trained. */
export interface AdapterMethod {
  readonly method: Method;
  /** Takes the place of what `method.init` would draw. */
  readonly trainable: LowRankTrainable<Tree>;
}

type Config = Adapter["config"];

/** Reads fields of `adapter_config.json`, and says which one is wrong. */
class Fields {
  constructor(readonly config: Config) {}

  fail(name: string, wanted: string): never {
    throw new Error(`cannot use adapter_config.json: ${name} is ${JSON.stringify(this.config[name])}, not ${wanted}`);
  }

  number(name: string, fallback?: number): number {
    const value = this.config[name] ?? fallback;
    return typeof value === "number" && Number.isFinite(value) ? value : this.fail(name, "a number");
  }

  pattern(name: string): Record<string, number> {
    const value = this.config[name] ?? {};
    const isPattern = typeof value === "object" && Object.values(value).every((one) => typeof one === "number");
    return isPattern ? value as Record<string, number> : this.fail(name, "numbers by the ends of paths");
  }

  targets(): string | string[] {
    const value = this.config.target_modules;
    const isList = Array.isArray(value) && value.every((one) => typeof one === "string");
    return typeof value === "string" || isList
      ? value as string | string[]
      : this.fail("target_modules", "names of modules");
  }

  saved(): string[] {
    const value = this.config.modules_to_save ?? [];
    const isList = Array.isArray(value) && value.every((one) => typeof one === "string");
    return isList ? value : this.fail("modules_to_save", "names of modules");
  }

  /** Refuses settings whose meaning is another function than ours. */
  refuse(name: string, ...allowed: unknown[]): void {
    const value = this.config[name] ?? undefined;
    if (value === undefined || allowed.some((one) => JSON.stringify(one) === JSON.stringify(value))) return;
    this.fail(name, allowed.map((one) => JSON.stringify(one)).join(" or "));
  }
}

/** Settings that say nothing of what an adapter computes, or are read here. */
const KNOWN_SETTINGS: ReadonlySet<string> = new Set([
  ...[
    "peft_type",
    "task_type",
    "peft_version",
    "auto_mapping",
    "base_model_name_or_path",
    "revision",
    "inference_mode",
  ],
  ...["r", "lora_alpha", "lora_dropout", "target_modules", "modules_to_save", "rank_pattern", "alpha_pattern"],
  ...["use_rslora", "use_dora", "bias", "init_lora_weights", "runtime_config", "megatron_core", "qalora_group_size"],
  ...["init_r", "target_r", "total_step", "tinit", "tfinal", "deltaT", "beta1", "beta2", "orth_reg_weight"],
]);

/** Refuses settings that change what is computed and are not here: any that is not off. */
function refuseUnknown(fields: Fields): void {
  for (const name of Object.keys(fields.config)) {
    if (!KNOWN_SETTINGS.has(name)) fields.refuse(name, false, [], {});
  }
  fields.refuse("bias", "none");
  // Other ways to begin, as PiSSA's and OLoRA's, take their part out of the base as well: the saved factors alone are not
  // the change.
  fields.refuse("init_lora_weights", true, false, "gaussian", "orthogonal");
}

/** PEFT saves modules whose name ends so, inside of a word too; with none there is nothing to save. */
function headsOf(modules: readonly string[]): RegExp {
  return modules.length === 0 ? /^$/ : new RegExp(`(${modules.map((name) => RegExp.escape(name)).join("|")})(\\.|$)`);
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

/** What is read of an adapter of one kind: its method, and how the trained part of a target is. */
interface Kind {
  readonly method: Method;
  readonly part: (path: string) => Tree;
}

/** Throws an Error where the configuration asks for what is not here. */
function kindOf(fields: Fields, take: (path: string, ending: string) => Tensor): Kind {
  const kind = String(fields.config.peft_type).toUpperCase();
  const heads = headsOf(fields.saved());
  if (kind === "BITFIT") return { method: bitfit({ heads }) as Method, part: () => ({}) };
  if (kind === "BOTTLENECK") {
    const make = fields.config.method === "pfeiffer" ? pfeiffer : houlsby;
    const options = { width: fields.number("width"), targets: fields.targets(), norms: false, heads };
    const activation = fields.config.activation as "gelu" | "relu";
    return {
      method: make({ ...options, activation }) as Method,
      part: (path) => bottleneckOf((ending) => take(path, ending)),
    };
  }
  if (kind !== "LORA" && kind !== "ADALORA") fields.fail("peft_type", '"LORA", "ADALORA", "BOTTLENECK" or "BITFIT"');
  refuseUnknown(fields);
  const dropout = fields.number("lora_dropout", 0);
  const shared = { alpha: fields.number("lora_alpha"), targets: fields.targets(), heads, dropout };
  if (kind === "ADALORA") {
    const initialRank = fields.number("init_r");
    const method = adalora({
      ...shared,
      initialRank,
      targetRank: fields.number("target_r"),
      totalSteps: fields.number("total_step"),
      warmup: fields.number("tinit", 0),
      final: fields.number("tfinal", 0),
      interval: fields.number("deltaT", 1),
      beta1: fields.number("beta1", 0.85),
      beta2: fields.number("beta2", 0.85),
      orthogonality: fields.number("orth_reg_weight", 0.5),
    });
    const part = (path: string) => {
      const parts = [".lora_A", ".lora_B", ".lora_E"].map((ending) => take(path, ending));
      return wholeTriplets(path, parts, initialRank);
    };
    return { method: method as Method, part };
  }
  const patterns: LowRankPatterns = {
    rankPattern: fields.pattern("rank_pattern"),
    alphaPattern: fields.pattern("alpha_pattern"),
    scaling: fields.config.use_rslora ? "rank-stabilized" : "standard",
  };
  const options = { ...shared, ...patterns, rank: fields.number("r") };
  const isDora = fields.config.use_dora === true;
  return {
    method: (isDora ? dora(options) : lora(options)) as Method,
    part: (path) => ({
      A: take(path, ".lora_A.weight"),
      B: take(path, ".lora_B.weight"),
      ...isDora ? { magnitude: take(path, ".lora_magnitude_vector") } : {},
    }),
  };
}

/**
 * The method and the trained parts of an adapter that Hugging Face PEFT, or this library, wrote for a model: LoRA, rsLoRA,
 * DoRA and AdaLoRA, with rank and alpha patterns and modules saved whole; and of our own kinds, bottlenecks and BitFit.
 *
 * Throws an Error where the configuration asks for what is not here, a tensor is missing or left over, or none of the
 * model's parameters fits.
 */
export function adapterMethod(adapter: Adapter, base: BaseParams): AdapterMethod {
  const fields = new Fields(adapter.config);
  const left = new Set(Object.keys(adapter.tensors));
  const take = (path: string, ending: string): Tensor => {
    const name = `${PEFT_PREFIX}${path}${ending}`;
    if (!left.delete(name)) throw new Error(`cannot use the adapter: it has no tensor ${name}`);
    return adapter.tensors[name];
  };
  const { method, part } = kindOf(fields, take);
  const drawn = headsAndTargets(method, base);
  const trainable = {
    factors: Object.fromEntries(Object.keys(drawn.factors).map((path) => [path, part(path)])),
    heads: Object.fromEntries(Object.keys(drawn.heads).map((name) => [name, take(name, "")])),
  };
  if (left.size > 0) {
    throw new Error(`cannot use the adapter: nothing of the model fits its tensor ${[...left][0]}`);
  }
  checkShapes(trainable.factors, drawn.factors);
  checkShapes(trainable.heads, drawn.heads);
  return { method, trainable };
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
