// deno task generate, from a small GPT-2 with weights drawn by chance and a tokenizer of bytes.
import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import * as dd from "../../mod.ts";
import { withFolder } from "../experiment/samples.ts";
import { deviceIdle, testDevice } from "../support/device.ts";
import { runTask, STACK } from "./run_task.ts";

const CONFIG = {
  model_type: "gpt2",
  vocab_size: 258,
  n_positions: 48,
  n_embd: 16,
  n_layer: 1,
  n_head: 2,
  initializer_range: 0.5,
  eos_token_id: 0,
  bos_token_id: 0,
};
const TOKENIZER = dd.data.trainByteLevel([]);
const PROMPTS = ["a cat", "the dog ran"];

/** Writes a model's folder and an adapter's, and gives the texts of the prompts by the library, without and with it. */
async function writeModel(folder: string) {
  const model = dd.models.fromConfig(CONFIG, { head: "causal-lm" });
  const base = model.init(dd.random.key(3));
  await Deno.mkdir(`${folder}/model`);
  await Deno.writeTextFile(`${folder}/model/config.json`, JSON.stringify(CONFIG));
  await Deno.writeTextFile(`${folder}/model/tokenizer.json`, JSON.stringify(TOKENIZER));
  await dd.io.saveSafetensors(`${folder}/model/model.safetensors`, dd.models.checkpointOf(base, model));
  const method = dd.peft.lora({ rank: 2, alpha: 8, targets: /c_attn$/ });
  const { trainable, aux } = method.init(dd.random.key(4), base);
  const factors = Object.fromEntries(
    Object.entries(trainable.factors).map((
      [path, { A, B }],
    ) => [path, { A, B: dd.random.normal(dd.random.key(5), B.shape) }]),
  );
  const state = { base, trainable: { ...trainable, factors }, aux };
  await dd.io.saveAdapter(`${folder}/adapter`, method.export(state));
  const tokenizer = dd.data.tokenizerFromJson(TOKENIZER);
  const generator = dd.generate.makeGenerator(model, { endTokens: 0, maxNewTokens: 12 });
  const ids = dd.data.encodePrompts(PROMPTS, tokenizer);
  const texts = async (params: dd.Params) =>
    (await generator.generate(params, ids)).map(([{ tokens }]) => ({ tokens, text: tokenizer.decode(tokens) }));
  const wanted = { plain: await texts(base), adapted: await texts(method.adapt(base, state.trainable, aux)) };
  generator.dispose();
  return wanted;
}

describe("deno task generate with a model", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  it("writes the library's texts: as they come, of a file in batches, and with an adapter", async () => {
    await withFolder(async (folder) => {
      const { plain, adapted } = await writeModel(folder);
      expect(adapted).not.toEqual(plain);
      const flags = ["--model", `${folder}/model`, "--max-new-tokens", "12"];
      const streamed = await runTask("generate", [...flags, "--prompt", PROMPTS[0]]);
      expect([streamed.code, streamed.stdout]).toEqual([0, `${plain[0].text}\n`]);
      // The empty line has no text, and the others have theirs.
      await Deno.writeTextFile(`${folder}/prompts.txt`, `${PROMPTS[0]}\n${"x".repeat(60)}\n${PROMPTS[1]}\n`);
      const file = ["--file", `${folder}/prompts.txt`, "--adapter", `${folder}/adapter`, "--json"];
      const { code, stdout, stderr } = await runTask("generate", [...flags, ...file]);
      const lines = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
      expect(lines.map(({ prompt, texts }) => [prompt, texts?.map(({ tokens }: { tokens: number[] }) => tokens)]))
        .toEqual([
          [PROMPTS[0], [adapted[0].tokens]],
          ["x".repeat(60), undefined],
          [PROMPTS[1], [adapted[1].tokens]],
        ]);
      expect(lines[1].fault).toBe("has 60 tokens, and the model 48 positions");
      expect(stderr).toContain("prompt 2: has 60 tokens, and the model 48 positions");
      expect([code, STACK.test(stderr)]).toEqual([1, false]);
    });
  });

  it("says what is missing or contradicts itself, in one line", async () => {
    await withFolder(async (folder) => {
      await writeModel(folder);
      const model = ["--model", `${folder}/model`];
      for (
        const [args, message] of [
          [["--prompt", "x"], "--model is missing"],
          [model, "needs --prompt or --file"],
          [[...model, "--prompt", "x", "--texts", "2"], "--texts are draws, or the best of a search"],
          [[...model, "--prompt", "x", "--early-stopping", "true"], "--early-stopping is for a beam search"],
        ] as const
      ) {
        const { code, stdout, stderr } = await runTask("generate", args);
        expect([code, stdout]).toEqual([1, ""]);
        expect(stderr).toContain(message);
        expect(stderr).not.toMatch(STACK);
      }
    });
  });
});
