import {
  add,
  addLowRank,
  cast,
  div,
  embedding,
  expandDims,
  greaterEqual,
  maximum,
  mul,
  sqrt,
  square,
  sum,
  transpose,
  where,
} from "../../ops/mod.ts";
import { tensor } from "../../tensor/create.ts";
import { formatShape, sameShape } from "../../tensor/shape.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { BaseParams } from "../method.ts";
import { isShared } from "../targets.ts";
import type { AdapterTensors } from "./adapter_tensors.ts";
import type { ConfigFields } from "./config_fields.ts";

/** Rank and scale of LoRA's targets. */
export interface LoraSettings {
  readonly settingOf: (path: string) => { readonly rank: number; readonly scale: number };
}

/** What {@linkcode changeBase} needs to know. */
export interface BaseChanges extends Partial<LoraSettings> {
  readonly fields: ConfigFields;
  readonly tensors: AdapterTensors;
  /** Paths of the tables of embeddings that have factors, and of the linear layers. */
  readonly tables: readonly string[];
  readonly linear: readonly string[];
}

const TOKENS = ".token_adapter.trainable_tokens_delta";

/** Parameters that stand whole in the file, beside what is saved as a module: biases and tables. */
function replaced(base: BaseParams, { tensors, tables, linear }: BaseChanges): Record<string, Tensor> {
  const targets = new Set([...tables, ...linear]);
  const found: Record<string, Tensor> = {};
  for (const name of tensors.left) {
    // PEFT has the own parameters of a target a step lower.
    const own = name.replace(/\.base_layer\.(weight|bias)$/, ".$1");
    const isTarget = targets.has(own.replace(/\.(weight|bias)$/, ""));
    if (!Object.hasOwn(base, own) || isTarget !== (own !== name)) continue;
    const [is, wanted] = [tensors.take(name), base[own]];
    if (!sameShape(is.shape, wanted.shape)) {
      throw new Error(
        `cannot use the adapter: its ${own} is ${formatShape(is.shape)}, and the model's ${formatShape(wanted.shape)}` +
          (is.rank === 2 ? ": resize_token_embeddings() of transformers makes such a model" : ""),
      );
    }
    found[own] = cast(is, "f32");
  }
  return found;
}

/** A table with the product of its factors: W + s·(B A)ᵀ, and by DoRA each of its columns as long as it says. */
function adaptedTable(path: string, W: Tensor, { fields, tensors, settingOf }: BaseChanges & LoraSettings): Tensor {
  const other = path.endsWith("rel_embeddings")
    ? "it is read by its rows"
    : isShared(path)
    ? "encoder and decoder read it under names of their own"
    : undefined;
  if (other !== undefined) {
    throw new Error(`cannot use the adapter: PEFT's factors of ${path} are without effect there, as ${other}`);
  }
  const { rank, scale } = settingOf(path);
  const [rows, columns] = W.shape;
  const A = tensors.takeShaped(`${path}.lora_embedding_A`, [rank, rows]);
  const B = tensors.takeShaped(`${path}.lora_embedding_B`, [columns, rank]);
  const changed = addLowRank(cast(W, "f32"), { left: transpose(A), right: transpose(B), scale });
  if (!fields.flag("use_dora")) return changed;
  const lengths = sqrt(sum(square(changed), { axis: 0 }));
  const wanted = tensors.takeShaped(`${path}.lora_magnitude_vector`, [columns]);
  return mul(changed, expandDims(div(wanted, lengths), 0));
}

/** The rows of a table that tokens have of their own. */
function tokenIndices(path: string, rows: number, { fields }: BaseChanges): readonly number[] {
  const given = fields.config.trainable_token_indices;
  const byName = typeof given === "object" && given !== null && !Array.isArray(given)
    ? Object.entries(given).find(([name]) => path.endsWith(name))?.[1]
    : given;
  const isRow = (index: unknown) => Number.isInteger(index) && Number(index) >= 0 && Number(index) < rows;
  return Array.isArray(byName) && byName.every(isRow)
    ? byName
    : fields.fail("trainable_token_indices", `places in the ${rows} rows of ${path}`);
}

/** A table with some of its rows replaced. */
function withRows(W: Tensor, rows: Tensor, indices: readonly number[]): Tensor {
  const places = new Int32Array(W.shape[0]).fill(-1);
  indices.forEach((index, i) => places[index] = i);
  const place = tensor(places);
  const own = embedding(cast(rows, "f32"), maximum(place, 0));
  return where(expandDims(greaterEqual(place, 0), 1), own, cast(W, "f32"));
}

/**
 * The base with all that an adapter of PEFT's changes beside the factors of linear layers and the modules that it saves
 * whole: biases (`bias`, `lora_bias`), tables that are saved, factors of tables, and tokens (`trainable_token_indices`). It
 * is dense, as none of it is trained on here.
 *
 * Throws an Error where a tensor does not fit.
 */
export function changeBase(base: BaseParams, changes: BaseChanges): BaseParams {
  const { tensors, tables, linear, settingOf } = changes;
  const changed = replaced(base, changes);
  const valueOf = (name: string) => changed[name] ?? base[name];
  for (const tokens of tensors.left.filter((name) => name.endsWith(TOKENS))) {
    const path = tokens.slice(0, -TOKENS.length);
    const name = `${path}.weight`;
    if (!Object.hasOwn(base, name)) continue;
    const [rows, columns] = base[name].shape;
    const indices = tokenIndices(path, rows, changes);
    changed[name] = withRows(valueOf(name), tensors.takeShaped(tokens, [indices.length, columns]), indices);
  }
  if (!settingOf) return { ...base, ...changed };
  for (const path of tables) {
    const name = `${path}.weight`;
    changed[name] = adaptedTable(path, valueOf(name), { ...changes, settingOf });
  }
  for (const path of linear) {
    const [own, bias] = [`${path}.lora_B.bias`, `${path}.bias`];
    if (!tensors.has(own) || !Object.hasOwn(base, bias)) continue;
    const shift = mul(tensors.takeShaped(own, base[bias].shape), settingOf(path).scale);
    changed[bias] = add(cast(valueOf(bias), "f32"), shift);
  }
  return { ...base, ...changed };
}
