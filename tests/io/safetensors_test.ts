import { expect } from "expect";
import fc from "fast-check";
import { describe, it } from "@std/testing/bdd";
import { formatSafetensors, loadSafetensors, parseSafetensors, saveSafetensors } from "../../lib/io/mod.ts";
import { type DType, type Tensor, tensor } from "../../lib/tensor/mod.ts";

const fixture = (name: string) => new URL(`../fixtures/${name}.safetensors`, import.meta.url);
const data = async (x: Tensor) => Array.from(await x.data());

/** Tensors by the bytes of their elements, so that NaN and −0 count. */
async function contents(tensors: Readonly<Record<string, Tensor>>) {
  return await Promise.all(
    Object.entries(tensors).map(async ([name, x]) => {
      const elements = await x.data();
      return [
        name,
        x.dtype,
        x.shape,
        Array.from(new Uint32Array(elements.buffer, elements.byteOffset, elements.length)),
      ];
    }),
  );
}

describe("safetensors files", () => {
  it("have the bytes that Hugging Face's own library writes", async () => {
    const bytes = await Deno.readFile(fixture("round_trip"));
    const { tensors, metadata } = parseSafetensors(bytes);
    expect(metadata).toEqual({ format: "pt" });
    expect(await formatSafetensors(tensors, metadata)).toEqual(bytes);
    expect(await data(tensors["b.weight"])).toEqual([-0.5, -0.25, 0, 0.25, 0.5, 0.75]);
    expect(tensors["b.weight"].shape).toEqual([2, 3]);
    expect(await data(tensors.a)).toEqual([2 ** -149, -0, (2 - 2 ** -23) * 2 ** 127, Infinity, -Infinity]);
    expect([tensors.scalar.shape, await data(tensors.scalar)]).toEqual([[], [7.5]]);
    expect([tensors.empty.shape, await data(tensors.empty)]).toEqual([[0, 3], []]);
    expect([tensors.flags.dtype, await data(tensors.flags)]).toEqual(["bool", [1, 0, 1]]);
    expect(await data(tensors['ünïcode "quoted" \\ name'])).toEqual([1]);
  });

  it("are read in every dtype that becomes one of ours", async () => {
    const { tensors } = await loadSafetensors(fixture("dtypes"));
    const read = async (name: string) => [tensors[name].dtype, tensors[name].shape, await data(tensors[name])];
    const f = Math.fround;
    expect(await read("F64")).toEqual(["f32", [3], [f(0.1), -Infinity, 0]]);
    expect(await read("F32")).toEqual(["f32", [1], [f(0.1)]]);
    expect(await read("F16")).toEqual(["f32", [6], [0.0999755859375, -65504, 2 ** -24, 2 ** -14, Infinity, NaN]]);
    const [, , [tenth, low, tiny, infinite]] = await read("BF16") as [string, number[], number[]];
    expect([tenth, infinite]).toEqual([0.10009765625, -Infinity]);
    expect(Math.abs(low / -3e38 - 1)).toBeLessThan(2 ** -8);
    expect(Math.abs(tiny - 1e-40)).toBeLessThan(2 ** -134);
    expect(await read("I64")).toEqual(["i32", [2, 1], [2 ** 31 - 1, -(2 ** 31)]]);
    expect(await read("I32")).toEqual(["i32", [2], [-7, 2 ** 31 - 1]]);
    expect(await read("U32")).toEqual(["u32", [2], [2 ** 32 - 1, 0]]);
    expect(await read("U8")).toEqual(["u32", [3], [255, 0, 3]]);
    expect(await read("BOOL")).toEqual(["bool", [2], [1, 0]]);
  });

  it("refuse an integer that does not fit, and name it", async () => {
    await expect(loadSafetensors(fixture("too_large"))).rejects.toThrow(
      "tensor I64: its I64 value 2147483648 does not fit i32",
    );
  });

  it("come back as they were written, whatever their names, shapes, dtypes and bits", async () => {
    const name = fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom("__proto__", "constructor", "0", "a.b"));
    const leaf = fc.record({
      shape: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 }),
      dtype: fc.constantFrom<DType>("f32", "i32", "u32", "bool"),
      bits: fc.array(fc.nat(2 ** 32 - 1), { minLength: 27, maxLength: 27 }),
    }).map(({ shape, dtype, bits }) => {
      const size = shape.reduce((a, b) => a * b, 1);
      const words = Uint32Array.from(bits.slice(0, size));
      const elements = dtype === "f32" ? new Float32Array(words.buffer) : words;
      return tensor(elements, { shape, dtype });
    });
    const records = fc.array(fc.tuple(name, leaf), { maxLength: 5 }).map((list) => Object.fromEntries(list));
    const metadata = fc.dictionary(name, fc.string(), { maxKeys: 2 });
    await fc.assert(fc.asyncProperty(records, metadata, async (tensors, texts) => {
      const bytes = await formatSafetensors(tensors, texts);
      expect(new DataView(bytes.buffer).getBigUint64(0, true) % 8n).toBe(0n);
      const back = parseSafetensors(bytes);
      expect(Object.entries(back.metadata).sort()).toEqual(Object.entries(texts).sort());
      const sorted = (list: unknown[][]) => list.sort(([a], [b]) => a as string < (b as string) ? -1 : 1);
      expect(sorted(await contents(back.tensors))).toEqual(sorted(await contents(tensors)));
    }));
  });

  it("of F16 are f32, or f16 where that is asked for, and are written as F16 again, whatever their number", async () => {
    const halves = new Float16Array([1 / 3, -0, 65504, 2 ** -24, Infinity]);
    const bytes = await formatSafetensors({ x: tensor(halves), y: tensor([1 / 3]) });
    const { tensors } = parseSafetensors(bytes, "x", { halves: "f16" });
    expect([tensors.x.dtype, tensors.y.dtype]).toEqual(["f16", "f32"]);
    expect(await tensors.x.data()).toEqual(halves);
    expect(await formatSafetensors(tensors)).toEqual(bytes);
    const { x } = parseSafetensors(bytes).tensors;
    expect(x.dtype).toBe("f32");
    expect(await x.data()).toEqual(Float32Array.from(halves));
    const path = await Deno.makeTempFile();
    try {
      await saveSafetensors(path, tensors);
      expect((await loadSafetensors(path, { halves: "f16" })).tensors.x.dtype).toBe("f16");
      expect((await loadSafetensors(path)).tensors.x.dtype).toBe("f32");
    } finally {
      await Deno.remove(path);
    }
  });

  it("are read from the middle of other bytes, and own what they hold", async () => {
    const bytes = await formatSafetensors({ x: tensor([1, 2]) });
    const padded = new Uint8Array(bytes.length + 3);
    padded.set(bytes, 3);
    for (const view of [padded.subarray(3), (await import("node:buffer")).Buffer.from(padded.buffer, 3)]) {
      const { tensors } = parseSafetensors(view as Uint8Array);
      const before = await data(tensors.x);
      view.fill(0xff, bytes.length - 8);
      expect([before, await data(tensors.x)]).toEqual([[1, 2], [1, 2]]);
      padded.set(bytes, 3);
    }
  });

  it("are the same from a path as from bytes, and from what was saved", async () => {
    const folder = await Deno.makeTempDir();
    try {
      const given = { b: tensor([[1, 2]]), a: tensor([true, false]), c: tensor([], { dtype: "i32" }) };
      const path = `${folder}/x.safetensors`;
      await saveSafetensors(path, given, { note: "ü" });
      const loaded = await loadSafetensors(path);
      expect(loaded.metadata).toEqual({ note: "ü" });
      const parsed = parseSafetensors(await Deno.readFile(path));
      expect(await contents(loaded.tensors)).toEqual(await contents(parsed.tensors));
      expect(Object.keys(loaded.tensors).sort()).toEqual(["a", "b", "c"]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });

  it("cannot hold a tensor under the name of the metadata", async () => {
    await expect(formatSafetensors({ __metadata__: tensor([1]) })).rejects.toThrow("the format keeps that name");
  });
});
