import { expect } from "expect";
import fc from "fast-check";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import {
  formatSafetensors,
  loadWeights,
  openSafetensors,
  openWeights,
  parseSafetensors,
  parseWeightsIndex,
  saveSafetensors,
} from "../../lib/io/mod.ts";
import { tensor } from "../../lib/tensor/mod.ts";

describe("a model's weights", () => {
  let folder: string;
  beforeEach(async () => void (folder = await Deno.makeTempDir()));
  afterEach(() => Deno.remove(folder, { recursive: true }));

  const [first, second] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
  const writeIndex = (map: unknown) =>
    Deno.writeTextFile(`${folder}/model.safetensors.index.json`, JSON.stringify({ metadata: {}, weight_map: map }));
  const shards = async () => {
    await saveSafetensors(`${folder}/${first}`, { a: tensor([1, 2]), b: tensor([[3]]) });
    await saveSafetensors(`${folder}/${second}`, { c: tensor([4]) });
    await writeIndex({ a: first, b: first, c: second });
  };

  it("are read one by one, when asked for", async () => {
    await shards();
    const { entries, read } = await openWeights(folder);
    expect([...entries].map(([name, { dtype, shape }]) => [name, dtype, shape]))
      .toEqual([["a", "F32", [2]], ["b", "F32", [1, 1]], ["c", "F32", [1]]]);
    expect(Array.from(await (await read("c")).data())).toEqual([4]);
    await expect(read("d")).rejects.toThrow("no file of model.safetensors.index.json has a tensor d");
    expect(Object.keys(await loadWeights(folder, { select: (name) => name !== "b" }))).toEqual(["a", "c"]);
  });

  it("come from the one file where there is one", async () => {
    await shards();
    await saveSafetensors(`${folder}/model.safetensors`, { whole: tensor([1]) });
    expect(Object.keys(await loadWeights(folder))).toEqual(["whole"]);
    const { read } = await openWeights(folder);
    await expect(read("a")).rejects.toThrow(`cannot read ${folder}/model.safetensors: it has no tensor a`);
  });

  it("are refused where index and files do not agree, by what is wrong", async () => {
    const refused = (message: string) => expect(openWeights(folder)).rejects.toThrow(message);
    await refused(`cannot read ${folder}: it has no model.safetensors and no model.safetensors.index.json`);
    await Deno.writeTextFile(`${folder}/pytorch_model.bin`, "");
    await refused("only pytorch_model.bin: load it in transformers and save it by save_pretrained()");
    await shards();
    await writeIndex({ a: first, b: first, c: second, d: second });
    await refused(`${second}: it has no tensor d, which model.safetensors.index.json says it has`);
    await writeIndex({ a: first, c: second });
    await refused(`${first}: it has the tensor b, of which model.safetensors.index.json says nothing`);
    await writeIndex({ a: first, b: second, c: second });
    await refused("of which model.safetensors.index.json says nothing");
    await writeIndex({ a: "model-3.safetensors" });
    await refused(`cannot read ${folder}/model-3.safetensors: `);
    for (const name of ["../x.safetensors", "/etc/passwd", "a/b.safetensors", "x.bin", 3, null]) {
      await writeIndex({ a: name });
      await refused(`tensor a is said to lie in ${JSON.stringify(name)}, which is no name of a safetensors file`);
    }
    await writeIndex([]);
    await refused("it has no weight_map");
    await Deno.writeTextFile(
      `${folder}/model.safetensors.index.json`,
      `{"weight_map":{"a":"x.safetensors","a":"y.safetensors"}}`,
    );
    await refused("it has the name a twice");
  });

  it("are refused when an index is any other text, and then it is named", () => {
    const good = JSON.stringify({ metadata: { total_size: 1 }, weight_map: { a: first, b: second } });
    const check = (text: string) => {
      try {
        for (const [file, names] of parseWeightsIndex(text, "some.index")) {
          expect(file.length + names.join("").length).toBeLessThanOrEqual(text.length);
        }
      } catch (error) {
        expect(error).toBeInstanceOf(SyntaxError);
        expect((error as Error).message).toMatch(/^cannot read some\.index: /);
      }
    };
    fc.assert(
      fc.property(fc.nat(good.length), fc.nat(3), fc.string({ unit: "grapheme", maxLength: 2 }), (at, cut, text) => {
        check(good.slice(0, at) + text + good.slice(at + cut));
      }),
      { numRuns: 1000 },
    );
    fc.assert(fc.property(fc.json(), check));
    fc.assert(fc.property(fc.jsonValue(), (weight_map) => check(JSON.stringify({ weight_map }))));
  });

  it("are read while no more than one tensor's bytes are held beside them", async () => {
    const part = new Float32Array(2 ** 20);
    await saveSafetensors(
      `${folder}/model.safetensors`,
      Object.fromEntries([..."abcdefgh"].map((x) => [x, tensor(part)])),
    );
    const { entries, read } = await openSafetensors(`${folder}/model.safetensors`);
    const before = Deno.memoryUsage().external;
    for (const name of entries.keys()) {
      expect((await read(name)).size).toBe(2 ** 20);
    }
    // Eight tensors of four megabytes: those that are kept, and none of them twice.
    expect(Deno.memoryUsage().external - before).toBeLessThan(8.5 * 4 * 2 ** 20);
  });

  it("are rounded to the nearest half, ties to even, where they are written so", async () => {
    const given = [
      1,
      1 + 2 ** -11,
      1 + 3 * 2 ** -11,
      65504,
      65520,
      2 ** -25,
      -0,
      Infinity,
      NaN,
      1 + 2 ** -8,
      1 + 3 * 2 ** -8,
    ];
    const write = async (floats: "F16" | "BF16") => {
      const bytes = await formatSafetensors({ x: tensor(given), n: tensor([7], { dtype: "i32" }) }, {}, { floats });
      const { tensors } = parseSafetensors(bytes);
      expect(Array.from(await tensors.n.data())).toEqual([7]);
      expect(new TextDecoder().decode(bytes.subarray(8, 120))).toContain(`"dtype":"${floats}"`);
      return Array.from(await tensors.x.data());
    };
    const near = 1 + 2 ** -7;
    expect(await write("F16"))
      .toEqual([1, 1, 1 + 2 ** -9, 65504, Infinity, 0, -0, Infinity, NaN, 1 + 2 ** -8, 1 + 3 * 2 ** -8]);
    expect(await write("BF16"))
      .toEqual([1, 1, 1, 65536, 65536, 2 ** -25, -0, Infinity, NaN, 1, near + 2 ** -7]);
  });
});
