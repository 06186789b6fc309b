// The model stories260K of llama2.c, in that program's own files, writes what it writes there.
import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { makeGenerator } from "../../lib/generate/mod.ts";
import { fromConfig, paramsFrom } from "../../lib/models/mod.ts";
import { random } from "../../lib/ops/mod.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { hasSharedData, sharedData } from "../data/shared_data.ts";
import { deviceIdle, testDevice } from "../support/device.ts";

const FOLDER = "models/stories260K";

/** What `./run stories260K.bin -z tok512.bin -t 0.0` prints, by `doc/stories260K.md` of karpathy/llama2.c: 256 tokens. */
const WRITTEN = [
  "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, " +
  "red ball. She wanted to play with it, but it was too high.",
  "Lily's mom said, \"Lily, let's go to the park.\" Lily was sad and didn't know what to do. She said, \"I want to play " +
  "with your ball, but I can't find it.\"",
  "Lily was sad and didn't know what to do. She said, \"I'm sorry, Lily. I didn't know what to do.\"",
  "Lily didn't want to help her mom, so she said, \"I'm sorry, mom. I didn't know what to do.\" Her mom said, \"Don't " +
  "worry, Lily. We can help you.",
].join("\n");

async function readGzip(name: string): Promise<DataView> {
  const bytes = await Deno.readFile(new URL(`${FOLDER}/${name}`, sharedData));
  return new DataView(
    await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer(),
  );
}

/** A file of llama2.c's first version as Hugging Face's config and tensors. */
function converted(file: DataView): { config: Record<string, unknown>; tensors: Record<string, Tensor> } {
  const [C, F, layers, heads, keyValueHeads, V, positions] = Array.from(
    { length: 7 },
    (_, i) => file.getInt32(4 * i, true),
  );
  const d = C / heads;
  let at = 28;
  const take = (size: number) => Float32Array.from({ length: size }, (_, i) => file.getFloat32(at + 4 * i, true));
  const next = (rows: number, columns = 1) => {
    const data = take(rows * columns);
    at += 4 * data.length;
    return columns === 1 ? tensor(data) : tensor(data, { shape: [rows, columns] });
  };
  const each = (name: string, rows: number, columns?: number) =>
    Array.from(
      { length: layers },
      (_, i): [string, Tensor] => [`model.layers.${i}.${name}.weight`, next(rows, columns)],
    );
  /** llama2.c turns neighbours of a head, transformers elements that lie d / 2 apart. */
  const halves = (parts: [string, Tensor][]) =>
    parts.map(([name, x]): [string, Tensor] => [
      name,
      x.reshape([-1, d / 2, 2, C]).transpose([0, 2, 1, 3]).reshape(x.shape),
    ]);
  const tensors = Object.fromEntries([
    ["model.embed_tokens.weight", next(V, C)],
    ...each("input_layernorm", C),
    ...halves(each("self_attn.q_proj", C, C)),
    ...halves(each("self_attn.k_proj", keyValueHeads * d, C)),
    ...each("self_attn.v_proj", keyValueHeads * d, C),
    ...each("self_attn.o_proj", C, C),
    ...each("post_attention_layernorm", C),
    ...each("mlp.gate_proj", F, C),
    ...each("mlp.down_proj", C, F),
    ...each("mlp.up_proj", F, C),
    ["model.norm.weight", next(C)],
  ]);
  const sizes = { vocab_size: V, hidden_size: C, intermediate_size: F, num_hidden_layers: layers };
  const attention = { num_attention_heads: heads, num_key_value_heads: keyValueHeads };
  const rest = { max_position_embeddings: positions, rms_norm_eps: 1e-5, tie_word_embeddings: true };
  return { config: { model_type: "llama", ...sizes, ...attention, ...rest }, tensors };
}

/** The texts of tokens, of llama2.c's file of a tokenizer. */
function piecesOf(file: DataView): string[] {
  const pieces: string[] = [];
  for (let at = 4; at < file.byteLength;) {
    const length = file.getInt32(at + 4, true);
    pieces.push(new TextDecoder().decode(new Uint8Array(file.buffer, at + 8, length)));
    at += 8 + length;
  }
  return pieces;
}

describe("stories260K", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  const isThere = hasSharedData(FOLDER);
  (isThere ? it : it.skip)(`writes the greedy text of llama2.c${isThere ? "" : " (skipped: no files)"}`, async () => {
    const { config, tensors } = converted(await readGzip("stories260K.bin.gz"));
    const model = fromConfig(config, { head: "causal-lm" });
    const { params, report } = paramsFrom(tensors, model, { key: random.key(0) });
    expect(report).toEqual({ fresh: [], ignored: [], renamed: {} });
    const pieces = piecesOf(await readGzip("tok512.bin.gz"));
    const generator = makeGenerator(model, { endTokens: 1, maxNewTokens: 256 });
    const [[{ tokens, ending }]] = await generator.generate(params, [[1]]);
    expect([tokens.length, ending]).toEqual([256, "length"]);
    const bytes = (piece: string) =>
      piece.replace(/^<0x([0-9A-F]{2})>$/, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
    // What stands before the first word is not printed.
    expect(tokens.map((token) => bytes(pieces[token])).join("").trimStart()).toBe(WRITTEN);
    generator.dispose();
  });
});
