import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { loadPretrained } from "../../lib/hub/mod.ts";
import { formatSafetensors, loadAdapter } from "../../lib/io/mod.ts";
import { fromConfig, paramsFrom } from "../../lib/models/mod.ts";
import { random } from "../../lib/ops/mod.ts";
import { sizeOf } from "../../lib/tensor/shape.ts";
import { tensor } from "../../lib/tensor/mod.ts";
import { testFolder } from "../support/folder.ts";

const CONFIG = {
  model_type: "bert",
  vocab_size: 12,
  hidden_size: 8,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 16,
  max_position_embeddings: 8,
  type_vocab_size: 2,
};
const bytes = (text: string) => new TextEncoder().encode(text);
const VOCABULARY = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\n##x\n";

/** Files of a small model by name, its weights in one file or two. */
async function smallModel(shards: 1 | 2): Promise<Record<string, Uint8Array<ArrayBuffer>>> {
  const { shapes } = fromConfig(CONFIG, { head: "classification" });
  const tensors = shapes.map(([name, shape]) => [name, tensor(new Float32Array(sizeOf(shape)), { shape })] as const);
  const files = { "config.json": bytes(JSON.stringify(CONFIG)), "vocab.txt": bytes(VOCABULARY) };
  if (shards === 1) return { ...files, "model.safetensors": await formatSafetensors(Object.fromEntries(tensors)) };
  const half = [tensors.slice(0, 9), tensors.slice(9)];
  const names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
  const map = Object.fromEntries(half.flatMap((part, i) => part.map(([name]) => [name, names[i]])));
  return {
    ...files,
    "model.safetensors.index.json": bytes(JSON.stringify({ metadata: { total_size: 1 }, weight_map: map })),
    [names[0]]: await formatSafetensors(Object.fromEntries(half[0])),
    [names[1]]: await formatSafetensors(Object.fromEntries(half[1])),
  };
}

/** The deepest JSON that anyone should meet. */
const nested = (depth: number, [open, close]: readonly [string, string] = ["[", "]"]) =>
  open.repeat(depth) + "1" + close.repeat(depth);

/** Configs as they lie on disk, and what is said of them. */
const CONFIGS: Readonly<Record<string, readonly [contents: string | Uint8Array<ArrayBuffer>, message: string]>> = {
  "no bytes": ["", "config.json: it is no JSON: "],
  "a config that is cut off": [JSON.stringify(CONFIG).slice(0, 60), "config.json: it is no JSON: "],
  "null": ["null", "config.json: it is no JSON object"],
  "a list": ["[]", "config.json: it is no JSON object"],
  "a text": ['"bert"', "config.json: it is no JSON object"],
  "NaN, which Python writes": ['{"model_type":"bert","hidden_dropout_prob":NaN}', "config.json: it is no JSON: "],
  "UTF-16": [
    new Uint8Array(Uint16Array.from(JSON.stringify(CONFIG), (letter) => letter.charCodeAt(0)).buffer),
    "config.json: it is no JSON: ",
  ],
  "Latin-1": [Uint8Array.from('{"_name_or_path":"Zoë"}', (letter) => letter.charCodeAt(0)), "it is no UTF-8 text"],
  "lists in lists": [nested(200_000), "config.json: it is no JSON object"],
  "a size of lists in lists": [`{"model_type":"bert","hidden_size":${nested(200_000)}}`, "hidden_size is wrong"],
  "an activation of objects in objects": [
    `{"model_type":"bert","hidden_act":${nested(200_000, ['{"a":', "}"])}}`,
    'config.json as hidden_act {"a":{"a":',
  ],
  "an activation with a name of megabytes": [
    JSON.stringify({ ...CONFIG, hidden_act: "gelu".repeat(2 ** 18) }),
    'hidden_act "gelugelu',
  ],
  "an architecture with a name of megabytes": [
    JSON.stringify({ model_type: "bert".repeat(2 ** 18) }),
    'as model_type "bertbert',
  ],
  "a thousand million layers": [JSON.stringify({ ...CONFIG, num_hidden_layers: 1e9 }), "num_hidden_layers is wrong"],
  "more layers than there are weights": [
    JSON.stringify({ ...CONFIG, num_hidden_layers: 1024 }),
    "the checkpoint lacks 16368 of 16393 parameters of bert",
  ],
  "a hidden size of gigabytes": [
    JSON.stringify({ ...CONFIG, hidden_size: 2 ** 24 }),
    "LayerNorm.bias is [8] where the model has [16777216] by its config.json",
  ],
  "a negative size": [JSON.stringify({ ...CONFIG, vocab_size: -12 }), "vocab_size is wrong"],
  "a size of 1e400": ['{"model_type":"bert","vocab_size":1e400}', "vocab_size is wrong"],
  "a size in quotes": [JSON.stringify({ ...CONFIG, vocab_size: "12" }), "vocab_size is wrong"],
  "a size that is no whole number": [JSON.stringify({ ...CONFIG, hidden_size: 8.5 }), "hidden_size is wrong"],
  "a decoder": [JSON.stringify({ ...CONFIG, is_decoder: true }), "is_decoder true is not supported"],
  "rotary positions": [
    JSON.stringify({ ...CONFIG, position_embedding_type: "rotary" }),
    'position_embedding_type "rotary" is not supported',
  ],
  "quantised weights": [
    JSON.stringify({ ...CONFIG, quantization_config: { bits: 4 } }),
    'quantization_config {"bits":4} is not supported',
  ],
  "a misspelt key": [
    JSON.stringify({ ...CONFIG, intermediate_size: undefined, intermidiate_size: 16 }),
    'as it has no intermediate_size, but "intermidiate_size"',
  ],
};

describe("a model's files, damaged", () => {
  const folder = testFolder();
  const models: Record<1 | 2, Record<string, Uint8Array<ArrayBuffer>>> = { 1: {}, 2: {} };
  beforeAll(async () => {
    for (const shards of [1, 2] as const) {
      models[shards] = await smallModel(shards);
      await Deno.mkdir(`${folder}/${shards}`);
      for (const [name, content] of Object.entries(models[shards])) {
        await Deno.writeFile(`${folder}/${shards}/${name}`, content);
      }
    }
  });

  /** Loads a model; gives what was wrong. */
  async function fault(shards: 1 | 2): Promise<Error | undefined> {
    try {
      const { config, tensors } = await loadPretrained(`${folder}/${shards}`);
      const model = fromConfig(config, { head: "classification" });
      paramsFrom(tensors, model, { key: random.key(0) });
      return undefined;
    } catch (error) {
      return error as Error;
    }
  }

  /** Loads a model of which one file is another: it loads, or an error says which file it is, and what is wrong. */
  async function check(shards: 1 | 2, file: string, content: Uint8Array<ArrayBuffer>): Promise<Error | undefined> {
    const path = `${folder}/${shards}/${file}`;
    const before = Deno.memoryUsage().external;
    await Deno.writeFile(path, content);
    const error = await fault(shards);
    await Deno.writeFile(path, models[shards][file]);
    expect(Deno.memoryUsage().external - before).toBeLessThan(2 ** 24 + 4 * content.length);
    if (error === undefined) return undefined;
    expect([SyntaxError, RangeError, TypeError, Error, Deno.errors.NotFound]).toContain(error.constructor);
    expect(error.message.length).toBeLessThan(1000);
    const other = file === "model.safetensors.index.json" ? `|cannot read ${folder}/2/[\\w.-]+\\.safetensors: ` : "";
    const named = `cannot read ${folder}/${shards}/${file.replaceAll(".", "\\.")}: `;
    const weights = "where the model has .* by its config.json|parameter|the checkpoint lacks";
    expect(error.message).toMatch(
      new RegExp(`^(${named}${other})|${file === "vocab.txt" ? "" : `config\\.json|${weights}`}`),
    );
    expect(error.message).not.toMatch(/undefined|call stack|is not a function|Cannot read prop|internal:/);
    return error;
  }

  it("load while they are whole", async () => {
    expect(await fault(1)).toBeUndefined();
    expect(await fault(2)).toBeUndefined();
  });

  for (const [what, [contents, message]] of Object.entries(CONFIGS)) {
    it(`name the config and its fault: ${what}`, async () => {
      const error = await check(1, "config.json", typeof contents === "string" ? bytes(contents) : contents);
      expect(error?.message).toContain(message);
    });
  }

  it("load where the config begins with a byte order mark or has keys that matter to nothing", async () => {
    expect(await check(1, "config.json", bytes("\ufeff" + JSON.stringify(CONFIG)))).toBeUndefined();
    const more = { ...CONFIG, pooler_type: "first", custom: JSON.parse(nested(1000)), ["__proto__"]: { heads: 3 } };
    expect(await check(1, "config.json", bytes(JSON.stringify(more)))).toBeUndefined();
  });

  it("are refused or load when any value of the config is another", async () => {
    const absurd = fc.constantFrom<unknown>(
      ...[1e9, 1e308, 2 ** 24, 2 ** 31, 2 ** 53, -1, 0, 0.5, -0, "8", "", true, null, [], {}, [[]], { a: [] }],
      JSON.parse(nested(5000)),
      "x".repeat(10_000),
    );
    const keys = [...Object.keys(CONFIG), "hidden_act", "hidden_dropout_prob", "layer_norm_eps", "initializer_range"];
    const others = ["id2label", "num_labels", "problem_type", "architectures", "tie_word_embeddings", "pruned_heads"];
    const changes = fc.dictionary(
      fc.constantFrom(...keys, ...others, "__proto__", "constructor", "hidden_sizes"),
      fc.oneof(absurd, fc.jsonValue({ maxDepth: 2 })),
      { minKeys: 1, maxKeys: 3 },
    );
    const property = fc.asyncProperty(changes, async (changed) => {
      await check(1, "config.json", bytes(JSON.stringify({ ...CONFIG, ...changed })));
    });
    await fc.assert(property, { numRuns: 300 });
  });

  it("are refused or load when bytes are others, are missing or too many, in one file or in several", async () => {
    for (const shards of [1, 2] as const) {
      for (const [file, content] of Object.entries(models[shards])) {
        const place = fc.oneof(fc.nat(content.length), fc.nat(Math.min(400, content.length)));
        const cut = fc.oneof(fc.nat(8), fc.nat(content.length));
        const property = fc.asyncProperty(place, cut, fc.uint8Array({ maxLength: 9 }), async (at, cut, extra) => {
          await check(shards, file, Uint8Array.of(...content.subarray(0, at), ...extra, ...content.subarray(at + cut)));
        });
        await fc.assert(property, { numRuns: 60 });
      }
    }
  });

  it("are refused or load when any value of the index is another", async () => {
    const file = "model.safetensors.index.json";
    const { weight_map: map } = JSON.parse(new TextDecoder().decode(models[2][file]));
    const [first, second] = [...new Set(Object.values(map))] as string[];
    const absurd = fc.oneof(
      fc.constantFrom<unknown>(first, second, "", "../1/model.safetensors", "/etc/passwd", "none.safetensors", null, 1),
      fc.constantFrom<unknown>("x".repeat(10_000) + ".safetensors", `${"\0"}.safetensors`, [], {}, "vocab.txt"),
      fc.jsonValue({ maxDepth: 1 }),
    );
    const name = fc.oneof(fc.constantFrom(...Object.keys(map), "__proto__", "none"), fc.string());
    const property = fc.asyncProperty(fc.dictionary(name, absurd, { maxKeys: 3 }), fc.nat(3), async (changed, kind) => {
      const changedMap = { ...map, ...changed };
      const index =
        [{ weight_map: changedMap }, { weight_map: changed }, changed, { ...changed, weight_map: map }][kind];
      const error = await check(2, file, bytes(JSON.stringify(index)));
      // Nothing outside of the folder is opened.
      expect(error?.message ?? "").not.toContain("cannot read /etc");
    });
    await fc.assert(property, { numRuns: 200 });
  });

  it("are read in a time that grows as they do: an index of many tensors", async () => {
    const map = Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`x${i}`, "none.safetensors"]));
    const start = performance.now();
    const error = await check(2, "model.safetensors.index.json", bytes(JSON.stringify({ weight_map: map })));
    expect(error?.message).toMatch(/^cannot read .*\/none\.safetensors: /);
    // Some 0.5 s; a time by the square of their number would be a minute.
    expect(performance.now() - start).toBeLessThan(15_000);
  });

  it("are refused where they are no files, and nothing waits for a pipe", async () => {
    for (const file of ["config.json", "model.safetensors"]) {
      const path = `${folder}/1/${file}`;
      await Deno.remove(path);
      await new Deno.Command("mkfifo", { args: [path] }).output();
      const error = await fault(1);
      await Deno.remove(path);
      await Deno.writeFile(path, models[1][file]);
      expect(error?.message).toMatch(file === "config.json" ? `cannot read ${path}: it is no file` : "cannot read");
    }
  });

  it("are refused by name when an adapter's config is no object", async () => {
    await Deno.mkdir(`${folder}/adapter`);
    await Deno.writeFile(`${folder}/adapter/adapter_model.safetensors`, models[1]["model.safetensors"]);
    for (const text of ["null", "[]", "3", '"r"', "{", "\xff"]) {
      await Deno.writeFile(`${folder}/adapter/adapter_config.json`, Uint8Array.from(text, (x) => x.charCodeAt(0)));
      await expect(loadAdapter(`${folder}/adapter`)).rejects.toThrow(
        `cannot read ${folder}/adapter/adapter_config.json: it is no `,
      );
    }
  });
});
