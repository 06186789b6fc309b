import { zeros } from "../ops/mod.ts";
import { sameShape } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import { isRecord, type Tree } from "../tensor/tree.ts";
import type { LowRankTrainable } from "./factors.ts";
import { AdapterFile, type AdapterReading } from "./files/adapter_file.ts";
import { AdapterTensors } from "./files/adapter_tensors.ts";
import { MERGE_IN_PEFT } from "./files/config_fields.ts";
import type { Adapter, BaseParams, Method } from "./method.ts";
import type { MethodDescription } from "./method_description.ts";
import type { MethodOptions } from "./method_options.ts";
import { METHODS } from "./registry.ts";

/** A method as an adapter's configuration describes it, and what the adapter trained. */
export interface AdapterMethod {
  /** The name of its {@linkcode MethodDescription}. */
  readonly name: string;
  /** Its options as far as the adapter decides them; `undefined` where plain options cannot say them. */
  readonly options: MethodOptions | undefined;
  /** The method, with the adapter's targets, ranks and scales. */
  readonly method: Method<LowRankTrainable<Tree>>;
  /** Takes the place of what `method.init` would draw. */
  readonly trainable: LowRankTrainable<Tree>;
  /** What the method keeps for itself beside it, such as VeRA's matrices; nothing of it is computed before it is needed. */
  readonly aux: Tree;
  /**
   * What the method adapts: the model's own parameters, but for those that the adapter changes and the method does not
   * train, as biases and embeddings. Where it changes none they are the ones that were given.
   */
  readonly base: BaseParams;
}

/** Options of {@linkcode adapterMethod}. */
export interface AdapterMethodOptions {
  /** Methods of which the adapter may be, asked in their order; {@linkcode METHODS} by default. */
  readonly methods?: readonly MethodDescription[];
}

/** Kinds of PEFT's that are no change of weights. */
const PROMPTS: readonly string[] = [
  ...["PROMPT_TUNING", "MULTITASK_PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING", "ADAPTION_PROMPT", "CPT", "CARTRIDGE"],
];

/** Fields of configurations that methods read. */
function fieldsOf(methods: readonly MethodDescription[]): ReadonlySet<string> {
  return new Set(methods.flatMap(({ options, adapterFields = [] }) => [
    ...adapterFields,
    ...Object.values(options).flatMap(({ field }) => field ? [field[0]] : []),
  ]));
}

/** What the first method reads that the adapter is of. Throws an Error where it is of none. */
function readBy(methods: readonly MethodDescription[], file: AdapterFile): AdapterReading & { readonly name: string } {
  for (const { name, readAdapter } of methods) {
    const reading = readAdapter?.(file);
    if (reading) return { name, ...reading };
  }
  const cure = PROMPTS.includes(String(file.type)) ? "prompts are no change of weights, and not here" : MERGE_IN_PEFT;
  file.fields.fail(
    "peft_type",
    `"LORA", "ADALORA", "HIRA" or "VERA", nor our own "BOTTLENECK", "BITFIT" or "MORA": ${cure}`,
  );
}

/**
 * The method and the trained parts of an adapter that Hugging Face PEFT, or this library, wrote for a model: LoRA,
 * rsLoRA, PiSSA, DoRA, AdaLoRA, HiRA and VeRA, with all by which PEFT chooses modules, ranks and scales, with modules saved
 * whole, biases and embeddings; and of our own kinds, bottlenecks, BitFit and MoRA. Settings that are absent have PEFT's defaults.
 * `io.loadAdapter` reads the files.
 *
 * Throws an Error where the configuration asks for what is not here, a tensor is missing or left over, or none of the
 * model's parameters fits.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const base = { "query.weight": dd.ones([3, 4]) };
 * const lora = dd.peft.lora({ rank: 2, alpha: 4, targets: ["query"] });
 * const adapter = lora.export({ base, ...lora.init(dd.random.key(0), base) });
 * const { name, method, trainable, aux } = dd.peft.adapterMethod(adapter, base);
 * console.log(name, trainable.factors.query !== undefined); // lora true
 * const merged = method.merge({ base, trainable, aux }); // W + 2·B·A
 * console.log(merged["query.weight"].shape); // [3, 4]
 * ```
 */
export function adapterMethod(
  adapter: Adapter,
  base: BaseParams,
  { methods = METHODS }: AdapterMethodOptions = {},
): AdapterMethod {
  const file = new AdapterFile(adapter, base, fieldsOf(methods));
  const { tensors, base: own } = file;
  const { name, options, method, part, changeBase = () => own } = readBy(methods, file);
  const { trainable: drawn, aux } = beginning(method, own);
  const trainable = {
    factors: Object.fromEntries(Object.keys(drawn.factors).map((path) => [path, part(path)])),
    heads: Object.fromEntries(Object.keys(drawn.heads).map((name) => [name, tensors.take(name)])),
  };
  checkShapes(trainable.factors, drawn.factors);
  checkShapes(trainable.heads, drawn.heads);
  const changed = changeBase();
  if (tensors.left.length > 0) {
    throw new Error(
      `cannot use the adapter: nothing of the model fits its tensor ${AdapterTensors.wholeName(tensors.left[0])}`,
    );
  }
  return { name, options, method, trainable, aux, base: changed };
}

/** What a method would begin with on a model: targets, heads and their shapes; nothing that it draws is computed. */
function beginning(method: AdapterMethod["method"], base: BaseParams): ReturnType<AdapterMethod["method"]["init"]> {
  const key = zeros([2], { dtype: "u32" });
  return method.init(key, base);
}

/** Throws where a tensor of the adapter has another shape than its configuration gives it on the model. */
function checkShapes(found: Tree, wanted: Tree, name = ""): void {
  if (isRecord(found) && isRecord(wanted)) {
    for (const key of Object.keys(found)) checkShapes(found[key], wanted[key], name ? `${name}.${key}` : key);
  } else if (!(found instanceof Tensor && wanted instanceof Tensor)) {
    throw new Error(`cannot use the adapter: its ${name} is no tensor where the model's is one`);
  } else if (!sameShape(found.shape, wanted.shape)) {
    throw new Error(`cannot use the adapter: its ${name} is [${found.shape}], not [${wanted.shape}]`);
  }
}
