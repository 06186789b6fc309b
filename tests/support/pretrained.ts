import { loadSafetensors } from "../../lib/io/mod.ts";
import type { HeadName } from "../../lib/models/mod.ts";
import type { Tensor } from "../../lib/tensor/mod.ts";
import { partOf } from "./against_pytorch.ts";

const FIXTURES = new URL("../fixtures/", import.meta.url);
const { tensors } = await loadSafetensors(new URL("models.safetensors", FIXTURES));

/** What `tests/fixtures/models.py` says of a model. */
interface DescribedModel {
  readonly config: Record<string, unknown>;
  /** Names of the tensors that were saved. */
  readonly names: readonly string[];
  /** Shapes and rates of what drops out in a training step. */
  readonly dropouts: readonly (readonly [shape: number[], rate: number])[];
}

/** What `tests/fixtures/models.py` says of its cases. */
export const described: {
  readonly cases: Readonly<
    Record<string, Readonly<Record<HeadName, DescribedModel>>>
  >;
  /** Hugging Face's values of all keys of a config, by model_type. */
  readonly defaults: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly buckets: Readonly<Record<string, readonly number[]>>;
} = JSON.parse(await Deno.readTextFile(new URL("models.json", FIXTURES)));

/** Names of the models that there are. */
export const CASES: readonly string[] = Object.keys(described.cases);

/** Tensors of the fixture whose names begin so, without that. */
export const fixturePart = (prefix: string): Record<string, Tensor> => partOf(tensors, prefix);

/** The tensors that transformers saved of a model. */
export function checkpointOf(name: string, head: HeadName): Record<string, Tensor> {
  return Object.fromEntries(
    described.cases[name][head].names.map((parameter) => [parameter, tensors[`${name}.weights.${parameter}`]]),
  );
}

/** A batch of a case, with what both heads are asked. */
export function caseBatch(name: string, index: number) {
  const { ids, mask, types, tokens, labels } = fixturePart(`${name}.${index}.`);
  return { inputIds: ids, attentionMask: mask, tokenTypeIds: types, tokens, labels };
}
