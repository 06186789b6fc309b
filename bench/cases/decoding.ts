import { io, models, type Tensor } from "../../mod.ts";
import type { Contender } from "../measure/turns.ts";

/** A decoder and the folder that it is read from. */
export interface BenchDecoder {
  readonly model: models.PretrainedDecoder;
  /** Its `config.json`. */
  readonly json: Readonly<Record<string, string | number>>;
}

/** What is written: so many texts at once, each of them by a search of so many beams. */
export interface DecodingCase {
  readonly name: string;
  readonly prompts: number;
  /** 1 for greedy texts. */
  readonly beams: number;
}

/** The cases of the report. */
export const DECODING_CASES: readonly DecodingCase[] = [
  { name: "1 text", prompts: 1, beams: 1 },
  { name: "16 texts", prompts: 16, beams: 1 },
  { name: "10 beams of a text", prompts: 1, beams: 10 },
];

/** Writes texts: an operation is a token of each of them. */
export interface DecodingContender extends Contender {
  /** Their tokens, without the prompts. */
  texts(): Promise<readonly (readonly number[])[]>;
}

/**
 * GPT-2's small shape, but for the vocabulary: 50,257 × 768 numbers are more than a tensor may have on lavapipe, 128 MiB.
 */
const SMALL = { vocab_size: 32_768, n_embd: 768, n_layer: 12, n_head: 12 };
const TINY = { vocab_size: 512, n_embd: 64, n_layer: 2, n_head: 4 };

/** The decoder that is measured, or a small one for runs that only show that everything works. */
export function benchDecoder({ isQuick }: { readonly isQuick: boolean }): BenchDecoder {
  const json = { model_type: "gpt2", n_positions: 1024, ...isQuick ? TINY : SMALL };
  return { json, model: models.fromConfig(json, { head: "causal-lm" }) };
}

/** A decoder's sizes, in words. */
export function describeDecoder({ model: { config } }: BenchDecoder): string {
  const { layers, hiddenSize, heads, vocabSize } = config;
  return `GPT-2 of ${layers} layers × ${hiddenSize}, ${heads} heads, vocabulary ${vocabSize.toLocaleString("en")}`;
}

/** Prompts of one token each, so that all the work is decoding. */
export function promptsOf({ prompts }: DecodingCase, { model: { config } }: BenchDecoder): number[][] {
  return Array.from({ length: prompts }, (_, row) => [(5 + row * 7919) % config.vocabSize]);
}

/** Writes a decoder into a folder in Hugging Face's layout. */
export async function writeDecoder(
  folder: string,
  { model, json }: BenchDecoder,
  params: Readonly<Record<string, Tensor>>,
): Promise<void> {
  const tensors = models.checkpointOf(params, model);
  await io.saveSafetensors(`${folder}/model.safetensors`, tensors, { format: "pt" });
  await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(json));
}
