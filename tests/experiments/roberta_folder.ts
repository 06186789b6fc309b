import { suiteVocabulary } from "../../experiments/suite/mod.ts";
import { wordPieceJson } from "../../lib/data/mod.ts";
import { saveSafetensors } from "../../lib/io/mod.ts";
import { checkpointOf, described } from "../support/pretrained.ts";

/**
 * Writes the tiny RoBERTa of `tests/fixtures/models.py`, as transformers initialised it, as a folder in Hugging Face's
 * layout, with as many pieces of the suite's vocabulary as it has embeddings.
 */
export async function writeRoberta(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const { config } = described.cases.roberta.classification;
  const [pad, unknown, ...rest] = suiteVocabulary();
  // RoBERTa counts positions past the pieces that pad, which have number 1.
  const pieces = [unknown, pad, ...rest].slice(0, Number(config.vocab_size));
  await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(config));
  await Deno.writeTextFile(`${folder}/tokenizer.json`, JSON.stringify(wordPieceJson(pieces)));
  // RoBERTa's own class would make a byte-level tokenizer of these pieces.
  const tokenizerConfig = { tokenizer_class: "PreTrainedTokenizerFast" };
  await Deno.writeTextFile(`${folder}/tokenizer_config.json`, JSON.stringify(tokenizerConfig));
  await saveSafetensors(`${folder}/model.safetensors`, checkpointOf("roberta", "classification"), { format: "pt" });
}
