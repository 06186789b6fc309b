import { loadSafetensors } from "../../lib/io/mod.ts";
import { bert } from "../../lib/models/mod.ts";
import { select } from "../../lib/ops/mod.ts";
import type { Tensor } from "../../lib/tensor/mod.ts";

/** Tensors of a fixture by name, as the script beside it wrote them. */
export async function loadFixture(name: string): Promise<Readonly<Record<string, Tensor>>> {
  return (await loadSafetensors(new URL(`../fixtures/${name}.safetensors`, import.meta.url))).tensors;
}

/** Those tensors whose names begin with a prefix, without it. */
export function part(tensors: Readonly<Record<string, Tensor>>, prefix: string): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(tensors).filter(([name]) => name.startsWith(prefix)).map((
      [name, x],
    ) => [name.slice(prefix.length), x]),
  );
}

/** What encoder.py wrote of PyTorch's encoder: its weights, ten batches, and what comes of them. */
export const encoderFixture: Readonly<Record<string, Tensor>> = await loadFixture("encoder");

/** The encoder of encoder.py, without dropout. */
export const encoder = bert({
  vocabSize: 48,
  hiddenSize: 32,
  layers: 2,
  heads: 2,
  intermediateSize: 64,
  maxLength: 16,
  labels: 2,
  dropout: 0,
});

/** Its weights under Hugging Face's names. */
export function encoderWeights(): Record<string, Tensor> {
  return part(encoderFixture, "weights.");
}

/** Batch `index` of the ten. */
export function encoderBatch(index: number) {
  const cut = (name: string) => select(encoderFixture[name], { axis: 0, index });
  return { inputIds: cut("ids"), attentionMask: cut("mask"), tokenTypeIds: cut("types"), labels: cut("labels") };
}
