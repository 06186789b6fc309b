import { cacheFolder } from "../../lib/device/mod.ts";
import { wordPieceJson } from "../../lib/data/mod.ts";
import { writeAtomically } from "../../lib/io/mod.ts";
import { encoderJson, loadEncoder, SUITE_ENCODER } from "./encoder.ts";
import { suiteVocabulary } from "./mod.ts";

/** What flags call the generated texts and the encoder that ship with the project. */
export const SUITE = "suite";

/** Writes the encoder that ships with the suite as a folder in Hugging Face's layout. */
export async function writeSuiteModel(folder: string): Promise<void> {
  const vocabulary = suiteVocabulary();
  const { config } = await loadEncoder(SUITE_ENCODER, vocabulary.length);
  await Deno.mkdir(folder, { recursive: true });
  await writeAtomically(`${folder}/model.safetensors`, await Deno.readFile(SUITE_ENCODER));
  await writeAtomically(`${folder}/tokenizer.json`, JSON.stringify(wordPieceJson(vocabulary)));
  await writeAtomically(`${folder}/config.json`, JSON.stringify(encoderJson(config)));
}

/** The folder of the suite's encoder in the project's cache, which is made where it is not there. */
export async function suiteModelFolder(): Promise<string> {
  const { hash } = await loadEncoder(SUITE_ENCODER, suiteVocabulary().length);
  const folder = `${cacheFolder()}/suite-encoder-${hash.slice(0, 12)}`;
  await writeSuiteModel(folder);
  return folder;
}
