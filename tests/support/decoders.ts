import { loadSafetensors } from "../../lib/io/mod.ts";
import type { Tensor } from "../../lib/tensor/mod.ts";
import { partOf } from "./against_pytorch.ts";

const FIXTURES = new URL("../fixtures/", import.meta.url);
const { tensors } = await loadSafetensors(new URL("decoders.safetensors", FIXTURES));

/** A head of the causal models of `tests/fixtures/decoders.py`. */
export type DecoderHead = "classification" | "causal-lm";

/** What `tests/fixtures/decoders.py` says of its cases. */
export const describedDecoders: {
  readonly cases: Readonly<
    Record<
      string,
      Readonly<Record<DecoderHead, { readonly config: Record<string, unknown>; readonly names: readonly string[] }>>
    >
  >;
  /** Hugging Face's values of all keys of a config, by model_type. */
  readonly defaults: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Frequencies of rotary positions as transformers makes them. */
  readonly ropes: readonly {
    readonly parameters: Readonly<Record<string, string | number | boolean>>;
    readonly d: number;
    readonly longest: number;
    readonly scale: number;
    readonly frequencies: readonly number[];
  }[];
} = JSON.parse(await Deno.readTextFile(new URL("decoders.json", FIXTURES)));

/** Names of the causal models that there are. */
export const DECODERS: readonly string[] = Object.keys(describedDecoders.cases);

/** Tensors of the fixture whose names begin so, without that. */
export const decoderPart = (prefix: string): Record<string, Tensor> => partOf(tensors, prefix);

/** The tensors that transformers saved of a causal model. */
export function decoderCheckpoint(name: string, head: DecoderHead): Record<string, Tensor> {
  return Object.fromEntries(
    describedDecoders.cases[name][head].names.map((parameter) => [parameter, tensors[`${name}.weights.${parameter}`]]),
  );
}

/** A batch of a case, with what both heads are asked: batch 1 is padded on the left, batch 2 is packed. */
export function decoderBatch(name: string, index: number) {
  const { ids, mask, segments, tokens, labels } = decoderPart(`${name}.${index}.`);
  return { inputIds: ids, attentionMask: mask, segmentIds: segments, tokens, labels };
}
