import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { suiteVocabulary } from "../../experiments/suite/mod.ts";
import { wordPieceJson } from "../../lib/data/mod.ts";
import { loadAdapter, loadSafetensors, saveSafetensors } from "../../lib/io/mod.ts";
import { bartCheckpoint, describedBarts } from "../support/bart.ts";
import { testFolder } from "../support/folder.ts";
import { expectClose } from "../support/numbers.ts";
import { runTask } from "./run_task.ts";

/** Writes the tiny BART of `tests/fixtures/bart.py` as a folder in Hugging Face's layout, with pieces of the suite's vocabulary. */
async function writeBart(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const { config } = describedBarts.cases.bart.classification;
  const pieces = suiteVocabulary().slice(0, Number(config.vocab_size));
  const idOf = (piece: string) => pieces.indexOf(piece);
  const own = { pad_token_id: idOf("[PAD]"), bos_token_id: idOf("[CLS]"), eos_token_id: idOf("[SEP]") };
  const decoder = { decoder_start_token_id: own.eos_token_id, forced_eos_token_id: own.eos_token_id };
  await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify({ ...config, ...own, ...decoder }));
  await Deno.writeTextFile(`${folder}/tokenizer.json`, JSON.stringify(wordPieceJson(pieces)));
  // BART's own class would make a byte-level tokenizer of these pieces.
  const tokenizerConfig = { tokenizer_class: "PreTrainedTokenizerFast" };
  await Deno.writeTextFile(`${folder}/tokenizer_config.json`, JSON.stringify(tokenizerConfig));
  await saveSafetensors(`${folder}/model.safetensors`, bartCheckpoint("bart", "classification"), { format: "pt" });
}

describe("a folder with a BART", () => {
  const folder = testFolder();
  beforeAll(() => writeBart(`${folder}/model`));

  it("is fine-tuned as any classifier, its own head saved with the adapter, and merged into a folder like it", async () => {
    const plain = ["--model", `${folder}/model`];
    const data = ["--task", "cola", "--data", "suite"];
    const trained = await runTask("train", [
      ...[...plain, ...data, "--method", "lora", "--rank", "2", "--steps", "3"],
      ...["--learning-rate", "0.01", "--out", `${folder}/run`],
    ]);
    expect([trained.code, trained.stderr]).toEqual([0, expect.anything()]);
    const { config, tensors } = await loadAdapter(`${folder}/run`);
    expect(config).toMatchObject({ r: 2, modules_to_save: ["classification_head"] });
    expect(config.target_modules).toEqual(expect.arrayContaining(["model.decoder.layers.0.encoder_attn.q_proj"]));
    expect(Object.keys(tensors)).toContain("base_model.model.classification_head.out_proj.weight");

    const merged = await runTask("merge", [...plain, "--adapter", `${folder}/run`, "--out", `${folder}/merged`]);
    expect([merged.code, merged.stderr]).toEqual([0, expect.anything()]);
    const { tensors: weights } = await loadSafetensors(`${folder}/merged/model.safetensors`);
    expect(Object.keys(weights).sort()).toEqual(Object.keys(bartCheckpoint("bart", "classification")).sort());
    const { architectures } = JSON.parse(await Deno.readTextFile(`${folder}/merged/config.json`));
    expect(architectures).toEqual(["BartForSequenceClassification"]);
    const answers = async (flags: readonly string[]) => {
      const { code, stderr } = await runTask("evaluate", [...flags, ...data, "--logits", `${folder}/logits`]);
      expect([code, stderr]).toEqual([0, expect.anything()]);
      const lines = (await Deno.readTextFile(`${folder}/logits`)).trimEnd().split("\n");
      return lines.flatMap((line): number[] => JSON.parse(line));
    };
    expectClose(
      await answers(["--model", `${folder}/merged`]),
      await answers([...plain, "--adapter", `${folder}/run`]),
      1e-4,
    );
  });
});
