import { wordPieceJson } from "../../lib/data/mod.ts";
import { encoderJson, SUITE_ENCODER } from "../../experiments/encoder.ts";
import { ENCODER } from "../../experiments/pretrain.ts";
import { suiteVocabulary } from "../../experiments/suite/mod.ts";

/** Writes the suite's encoder as a folder in Hugging Face's layout. */
export async function writeSuiteModel(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(encoderJson(ENCODER)));
  await Deno.copyFile(SUITE_ENCODER, `${folder}/model.safetensors`);
  await Deno.writeTextFile(`${folder}/tokenizer.json`, JSON.stringify(wordPieceJson(suiteVocabulary())));
}
