// deno task generate, from a small GPT-2 with weights drawn by chance and a tokenizer of bytes.
import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { openWriter } from "../../experiments/runner/open_writer.ts";
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

describe("openWriter()", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  /** Writes a BART as transformers 5 does, without what it leaves out, and opens it. */
  async function openBart(folder: string, generation?: Record<string, unknown>) {
    const sizes = { d_model: 8, encoder_layers: 1, decoder_layers: 1, encoder_ffn_dim: 8, decoder_ffn_dim: 8 };
    const heads = { encoder_attention_heads: 2, decoder_attention_heads: 2, max_position_embeddings: 16 };
    const config = { model_type: "bart", vocab_size: 300, forced_eos_token_id: 3, ...sizes, ...heads };
    const { final_logits_bias: _, ...tensors } = dd.models.fromConfig(config, { head: "seq2seq-lm" }).init(
      dd.random.key(1),
    );
    await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(config));
    await Deno.writeTextFile(`${folder}/tokenizer.json`, JSON.stringify(TOKENIZER));
    if (generation) await Deno.writeTextFile(`${folder}/generation_config.json`, JSON.stringify(generation));
    await dd.io.saveSafetensors(`${folder}/model.safetensors`, tensors);
    return await openWriter(folder);
  }

  it("takes a BART's tokens from its config, with what a config leaves out, and zero for a bias that is not there", async () => {
    await withFolder(async (folder) => {
      const { forced, endTokens, params } = await openBart(folder);
      expect([forced, endTokens]).toEqual([{ decoderStart: 2, forcedFirstToken: undefined, forcedLastToken: 3 }, [2]]);
      const bias = dd.nn.tensorOf(params, "final_logits_bias");
      expect((await bias.data()).every((x) => x === 0)).toBe(true);
    });
  });

  it("takes what its settings of generation say in the config's place, and nothing forced that they leave out", async () => {
    await withFolder(async (folder) => {
      const settings = { forced_bos_token_id: 5, eos_token_id: [6, 7], decoder_start_token_id: 8 };
      const { forced, endTokens, model } = await openBart(folder, settings);
      expect(forced).toEqual({ decoderStart: 8, forcedFirstToken: 5, forcedLastToken: undefined });
      expect(endTokens).toEqual([6, 7]);
      // The library's model has what config.json does not name.
      expect(model.config.tokens).toMatchObject({ forcedFirstId: 5, decoderStartId: 8, forcedEndIds: [3] });
    });
  });
});

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

  it("writes the answers of chats; one that the template refuses leaves the others alone", async () => {
    await withFolder(async (folder) => {
      await writeModel(folder);
      const chat_template =
        "{% for m in messages %}{% if m.role == 'tool' %}{{ raise_exception('no tools here') }}{% endif %}" +
        "{{ m.role[0] }}:{{ m.content }};{% endfor %}{% if add_generation_prompt %}a:{% endif %}";
      await Deno.writeTextFile(`${folder}/model/tokenizer_config.json`, JSON.stringify({ chat_template }));
      const say = (role: string, content: string) => JSON.stringify({ messages: [{ role, content }] });
      await Deno.writeTextFile(
        `${folder}/chats`,
        `Hi\n${say("tool", "x")}\n${say("user", "Hi")}\n\n{"messages": []}\n`,
      );
      const flags = ["--model", `${folder}/model`, "--max-new-tokens", "4", "--json"];
      const { code, stdout, stderr } = await runTask("generate", [...flags, "--chat", "--file", `${folder}/chats`]);
      const [plain, tool, messages, empty, none] = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
      const { stdout: written } = await runTask("generate", [...flags, "--prompt", "u:Hi;a:"]);
      const wanted = JSON.parse(written).texts;
      expect([plain.texts, messages.texts]).toEqual([wanted, wanted]);
      expect(tool.fault).toContain("Cannot write the chat as its template fails: no tools here");
      expect(none.fault).toContain("its messages are no list of some");
      // An empty message is a message all the same.
      expect(empty.texts.length).toBe(1);
      expect(stderr).toContain("prompt 2: Cannot write the chat");
      expect(code).toBe(1);
    });
  });

  it("names prompts that are empty or whose logits are NaN, and writes the others' texts", async () => {
    await withFolder(async (folder) => {
      const { plain } = await writeModel(folder);
      const file = `${folder}/model/model.safetensors`;
      const { tensors } = await dd.io.loadSafetensors(file);
      // The positions of long prompts alone.
      const places = dd.expandDims(dd.arange(CONFIG.n_positions), 1);
      const wpe = dd.where(places.greater(25), NaN, tensors["transformer.wpe.weight"]);
      await dd.io.saveSafetensors(file, { ...tensors, "transformer.wpe.weight": wpe });
      await Deno.writeTextFile(`${folder}/prompts`, `${PROMPTS[0]}\n\n${"x".repeat(30)}\n${PROMPTS[1]}\n`);
      for (const beams of [[], ["--beams", "2"]]) {
        const flags = ["--model", `${folder}/model`, "--file", `${folder}/prompts`, "--max-new-tokens", "4", "--json"];
        const { code, stdout, stderr } = await runTask("generate", [...flags, ...beams]);
        const lines = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
        expect(lines[1].fault).toContain("it is empty: a model goes on from one token at least");
        expect(lines[2].fault).toContain("logits are NaN");
        const found = [lines[0], lines[3]].map(({ texts }) => texts[0].tokens);
        if (beams.length === 0) expect(found).toEqual(plain.map(({ tokens }) => tokens.slice(0, 4)));
        expect([code, found.every(({ length }) => length > 0), STACK.test(stderr)]).toEqual([1, true, false]);
        expect(stderr).toContain("2 prompts of 4 got no text");
      }
    });
  });

  it("asks for a length where a model's files name no token that ends a text", async () => {
    await withFolder(async (folder) => {
      await writeModel(folder);
      const { eos_token_id: _, ...config } = CONFIG;
      await Deno.writeTextFile(`${folder}/model/config.json`, JSON.stringify(config));
      const { code, stderr } = await runTask("generate", ["--model", `${folder}/model`, "--prompt", "x"]);
      expect([code, STACK.test(stderr)]).toEqual([1, false]);
      expect(stderr).toContain("name no token that ends a text: say how long texts are by --max-new-tokens");
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
          [[...model, "--prompt", "x", "--out", `${folder}/out`], "--out is of the suite's tasks, without --model"],
          [["--out", `${folder}/out`, "--beams", "3"], "--beams is not of the suite's tasks"],
          [[...model, "--prompt", "x", "--seed", "3"], "--seed is of draws: give --sample, too"],
          [[...model, "--prompt", "x", "--system", "y"], "--system is of a chat: give --chat, too"],
          [[...model, "--prompt", "x", "--chat"], "the tokenizer's files have no chat_template"],
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
