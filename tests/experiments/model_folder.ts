import { wordPieceJson } from "../../lib/data/mod.ts";
import { SUITE_ENCODER } from "../../experiments/encoder.ts";
import { ENCODER } from "../../experiments/pretrain.ts";
import { suiteVocabulary } from "../../experiments/suite/mod.ts";

/** Writes the suite's encoder as a folder in Hugging Face's layout. */
export async function writeSuiteModel(folder: string): Promise<void> {
  const { vocabSize, hiddenSize, layers, heads, maxLength } = ENCODER;
  await Deno.mkdir(folder, { recursive: true });
  const config = {
    model_type: "bert",
    vocab_size: vocabSize,
    hidden_size: hiddenSize,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    intermediate_size: 4 * hiddenSize,
    max_position_embeddings: maxLength,
  };
  await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(config));
  await Deno.copyFile(SUITE_ENCODER, `${folder}/model.safetensors`);
  await Deno.writeTextFile(`${folder}/tokenizer.json`, JSON.stringify(wordPieceJson(suiteVocabulary())));
}
