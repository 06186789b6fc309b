import { cacheFolder } from "../../lib/device/mod.ts";
import { wordPieceJson } from "../../lib/data/mod.ts";
import { writeAtomically } from "../../lib/io/mod.ts";
import { encoderJson, loadSuiteEncoder } from "./encoder.ts";
import { type EncoderSize, SUITE_ENCODERS } from "./encoders.ts";
import { suiteVocabulary } from "./mod.ts";

/** What flags call the generated texts and the small encoder that ship with the project. */
export const SUITE = "suite";

/** Writes an encoder of the suite as a folder in Hugging Face's layout. */
export async function writeSuiteModel(folder: string, size: EncoderSize = "small"): Promise<void> {
  const { config } = await loadSuiteEncoder(size);
  await Deno.mkdir(folder, { recursive: true });
  await writeAtomically(`${folder}/model.safetensors`, await Deno.readFile(SUITE_ENCODERS[size].url));
  await writeAtomically(`${folder}/tokenizer.json`, JSON.stringify(wordPieceJson(suiteVocabulary())));
  await writeAtomically(`${folder}/config.json`, JSON.stringify(encoderJson(config)));
}

/** The folder of an encoder of the suite in the project's cache, which is made where it is not there. */
export async function suiteModelFolder(size: EncoderSize): Promise<string> {
  const { hash } = await loadSuiteEncoder(size);
  const folder = `${cacheFolder()}/${SUITE_ENCODERS[size].name}-${hash.slice(0, 12)}`;
  await writeSuiteModel(folder, size);
  return folder;
}
