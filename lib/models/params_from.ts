import { nearest } from "../text/nearest.ts";
import type { Key } from "../ops/random.ts";
import { formatShape, sameShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { PretrainedModel } from "./architecture.ts";
import { storeWeight } from "./store_weight.ts";
import { transposeMatrix } from "./transpose_matrix.ts";

/** What of a checkpoint reached a model otherwise than under its own name. */
export interface LoadReport {
  /** Parameters of the head that the checkpoint lacks: made afresh. */
  readonly fresh: readonly string[];
  /** Tensors of the checkpoint that the model has no use for: other heads, poolers, shared weights, positions. */
  readonly ignored: readonly string[];
  /** Parameters that the checkpoint has under another name, and that name. */
  readonly renamed: Readonly<Record<string, string>>;
}

/** Options of {@linkcode paramsFrom}. */
export interface ParamsFromOptions {
  /** What parameters are drawn from that the checkpoint lacks. */
  readonly key: Key;
  /**
   * What of the head is made afresh: what is missing (the default); what has another shape, too, as for a task with
   * other labels; or all.
   */
  readonly fresh?: "missing" | "mismatched" | "all";
  /**
   * How matrices and tables of embeddings are kept: in f32 by default, or in f16, for methods that leave them as they are.
   * Biases, layer norms, head and pooler are f32.
   */
  readonly dtype?: "f32" | "f16";
}

/** What Hugging Face's models have beside an encoder: heads, poolers, and what is no parameter. */
const BESIDE = [
  /^(cls|classifier|pre_classifier|score|qa_outputs|lm_head|lm_predictions|mask_predictions|pooler)\./,
  /^vocab_(transform|layer_norm|projector)\./,
  /^embeddings\.(position_ids|token_type_ids)$/,
];
/** What methods that leave the encoder as it is train whole, beside the head. */
const POOLER = /(^|\.)pooler\./;
/** Positions that a DeBERTa has, but does not use. */
const UNUSED_POSITIONS = "embeddings.position_embeddings.weight";

function modernName(name: string): string {
  return name.replace(/(^|\.)gamma$/, "$1weight").replace(/(^|\.)beta$/, "$1bias");
}

/** A name without the architecture's prefix. */
function bareName(name: string, prefix: string): string {
  return name.startsWith(`${prefix}.`) ? name.slice(prefix.length + 1) : name;
}

/** Takes what a file has under another of a parameter's names where it lacks the parameter's own. */
function adoptCopies(
  { copies = {}, prefix }: Pick<PretrainedModel, "copies" | "prefix">,
  found: Map<string, string>,
  ignored: string[],
): void {
  for (const [name, others] of Object.entries(copies)) {
    const copy = found.has(name) ? undefined : ignored.find((one) => others.includes(bareName(one, prefix)));
    if (copy === undefined) continue;
    found.set(name, copy);
    ignored.splice(ignored.indexOf(copy), 1);
  }
}

function list(names: readonly string[]): string {
  return names.slice(0, 3).join(", ") + (names.length > 3 ? ` and ${names.length - 3} more` : "");
}

/**
 * A model's parameters from the tensors of a checkpoint, by name, and a report on what did not fit by name. As in
 * Hugging Face's `from_pretrained`, the encoder's names may lack the architecture's prefix, `gamma` and `beta` are old
 * names of `weight` and `bias`, a head that is missing is made afresh, and other heads are left aside. Weights of Conv1D
 * layers, which files hold as `[in, out]`, become `[out, in]` as all others; {@linkcode checkpointOf} turns them back.
 *
 * Throws a RangeError where a tensor fits no name, a shape differs, the encoder lacks a parameter, or f16 has nothing
 * near a number; a TypeError where a parameter is not of a float type.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const json = { model_type: "bert", vocab_size: 64, hidden_size: 32, num_hidden_layers: 1, num_attention_heads: 2 };
 * const model = dd.models.fromConfig(json, { head: "classification" });
 * const { "classifier.bias": _, ...checkpoint } = model.init(dd.random.key(0));
 * const { params, report } = dd.models.paramsFrom(checkpoint, model, { key: dd.random.key(1) });
 * console.log(report.fresh, Object.keys(params).length === model.shapes.length); // ["classifier.bias"] true
 * ```
 */
export function paramsFrom(
  tensors: Readonly<Record<string, Tensor>>,
  model: Omit<PretrainedModel, "apply">,
  { key, fresh: freshness = "missing", dtype: matrices = "f32" }: ParamsFromOptions,
): { params: Record<string, Tensor>; report: LoadReport } {
  const { prefix, config, beside = [] } = model;
  const shapes = new Map(model.shapes);
  const head = new Set(model.headNames);
  const transposed = new Set(model.transposed);
  const shapeInFile = (wanted: string) =>
    transposed.has(wanted) ? shapes.get(wanted)!.toReversed() : shapes.get(wanted)!;
  const fits = (name: string, wanted: string) => sameShape(tensors[name].shape, shapeInFile(wanted));
  const found = new Map<string, string>();
  const ignored: string[] = [];
  for (const name of Object.keys(tensors)) {
    const modern = modernName(name);
    const wanted = [modern, `${prefix}.${modern}`].find((candidate) => shapes.has(candidate));
    if (wanted === undefined) {
      const bare = bareName(modern, prefix);
      const isBeside = [...BESIDE, ...beside].some((pattern) => pattern.test(bare)) ||
        (config.architecture === "deberta-v2" && bare === UNUSED_POSITIONS);
      if (!isBeside) {
        throw new RangeError(
          `no parameter of ${config.architecture} is called ${name}: nearest is ${nearest(modern, [...shapes.keys()])}`,
        );
      }
      ignored.push(name);
    } else if (head.has(wanted) && (freshness === "all" || (freshness === "mismatched" && !fits(name, wanted)))) {
      ignored.push(name);
    } else {
      const other = found.get(wanted);
      if (other !== undefined) throw new RangeError(`${other} and ${name} are both the parameter ${wanted}`);
      found.set(wanted, name);
    }
  }
  adoptCopies(model, found, ignored);
  for (const [name, source] of found) {
    const { shape, dtype } = tensors[source];
    if (["i32", "u32", "bool"].includes(dtype)) throw new TypeError(`${source} is ${dtype}: a parameter is a float`);
    if (!fits(source, name)) {
      const cure = head.has(name) ? `: fresh "mismatched" makes another` : "";
      const wanted = formatShape(shapeInFile(name));
      throw new RangeError(
        `${source} is ${formatShape(shape)} where the model has ${wanted} by its config.json${cure}`,
      );
    }
  }
  const missing = model.shapes.map(([name]) => name).filter((name) => !found.has(name));
  const lost = missing.filter((name) => !head.has(name));
  if (lost.length > 0) {
    throw new RangeError(
      `the checkpoint lacks ${lost.length} of ${shapes.size} parameters of ${config.architecture}: ${list(lost)}`,
    );
  }
  const fresh = model.init(key, (name) => !found.has(name));
  const params = Object.fromEntries(model.shapes.map(([name, shape]) => {
    const dtype = shape.length === 2 && !head.has(name) && !POOLER.test(name) ? matrices : "f32";
    if (fresh[name]) return [name, fresh[name]];
    const stored = storeWeight(tensors[found.get(name)!], { name, dtype });
    return [name, transposed.has(name) ? transposeMatrix(stored) : stored];
  }));
  const renamed = [...found].filter(([name, source]) => name !== source);
  return { params, report: { fresh: missing, ignored, renamed: Object.fromEntries(renamed) } };
}
