import { expect } from "expect";
import fc from "fast-check";
import { describe, it } from "@std/testing/bdd";
import { formatSafetensors, loadSafetensors, parseSafetensors, type SafetensorsFile } from "../../lib/io/mod.ts";
import { tensor } from "../../lib/tensor/mod.ts";

/** A file with a header and so many bytes of data. */
function file(header: string | Uint8Array, dataBytes = 0, length?: bigint): Uint8Array<ArrayBuffer> {
  const json = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

const entry = (dtype: unknown, shape: unknown, offsets: unknown) =>
  JSON.stringify({ dtype, shape, data_offsets: offsets });
const one = (dtype: unknown, shape: unknown, offsets: unknown, dataBytes = 8) =>
  file(`{"x":${entry(dtype, shape, offsets)}}`, dataBytes);
const two = (first: number[], second: number[], dataBytes = 16) =>
  file(
    `{"a":${entry("U8", [first[1] - first[0]], first)},"b":${entry("U8", [second[1] - second[0]], second)}}`,
    dataBytes,
  );
const whole = entry("U8", [8], [0, 8]);

const CASES: Readonly<Record<string, readonly [Uint8Array<ArrayBuffer>, string]>> = {
  "no bytes": [new Uint8Array(0), "it has 0 bytes, and a header needs 8 at least"],
  "seven bytes": [new Uint8Array(7), "it has 7 bytes"],
  "a header beyond the end": [file("{}", 0, 3n), "its header of 3 bytes reaches beyond its 10 bytes: is it truncated?"],
  "a header of 2⁶⁴ − 1 bytes": [file("{}", 0, 2n ** 64n - 1n), "this is no safetensors file"],
  "a header of a gigabyte": [file("{}", 0, 2n ** 30n), "its header would have 1073741824 bytes"],
  "a header that is no text": [file(Uint8Array.of(0x7b, 0xff, 0x7d)), "its header is no JSON"],
  "a header that is cut off": [file('{"x":'), "its header is no JSON"],
  "a header behind a byte order mark": [file("\ufeff{}"), "its header is no JSON"],
  "a list as header": [file("[]"), "its header is no JSON object"],
  "null as header": [file("null"), "its header is no JSON object"],
  "deep nesting": [file("[".repeat(200_000) + "]".repeat(200_000)), "its header is no JSON"],
  "metadata that is no record": [file('{"__metadata__":[1]}'), "its metadata is no record of texts"],
  "metadata that is null": [file('{"__metadata__":null}'), "its metadata is no record of texts"],
  "metadata of numbers": [file('{"__metadata__":{"step":3}}'), "its metadata is no record of texts"],
  "a name twice": [file(`{"x":${whole},"x":${whole}}`, 8), "its header has the name x twice"],
  "a name twice, once escaped": [file(`{"x":${whole},"\\u0078":${whole}}`, 8), "its header has the name x twice"],
  "a field twice": [
    file('{"x":{"dtype":"U8","dtype":"I64","shape":[8],"data_offsets":[0,8]}}', 8),
    "its header has the name dtype twice",
  ],
  "a tensor that is a number": [file('{"x":3}'), "tensor x lacks dtype, shape or data_offsets"],
  "a tensor that is null": [file('{"x":null}'), "tensor x lacks dtype, shape or data_offsets"],
  "no dtype": [one(undefined, [8], [0, 8]), "tensor x lacks dtype"],
  "no shape": [one("U8", undefined, [0, 8]), "tensor x lacks dtype, shape"],
  "no offsets": [one("U8", [8], undefined), "tensor x lacks dtype, shape or data_offsets"],
  "one offset": [one("U8", [8], [8]), "tensor x lacks dtype, shape or data_offsets"],
  "a negative offset": [one("U8", [8], [-8, 0]), "tensor x lacks dtype, shape or data_offsets"],
  "a fractional size": [one("U8", [8.5], [0, 8]), "tensor x lacks dtype, shape or data_offsets"],
  "a negative size": [one("U8", [-8], [0, 8]), "tensor x lacks dtype, shape or data_offsets"],
  "a dtype that is not read": [one("F8_E4M3", [8], [0, 8]), "dtype F8_E4M3 is not one of F64, F32, F16, BF16, I64"],
  "a dtype called as what objects have": [one("toString", [8], [0, 8]), "dtype toString is not one of"],
  "offsets in the wrong order": [one("U8", [8], [8, 0]), "offsets 8 to 0 leave the 8 bytes of data"],
  "data beyond the end": [one("F32", [4], [0, 16]), "offsets 0 to 16 leave the 8 bytes of data: is it truncated?"],
  "offsets far beyond the end": [one("U8", [8], [2 ** 53 - 9, 2 ** 53 - 1]), "leave the 8 bytes of data"],
  "a shape that is smaller than its data": [one("F32", [1], [0, 8]), "F32 [1] needs 4 bytes, and its offsets give 8"],
  "a shape that is larger than its data": [one("F32", [3], [0, 8]), "F32 [3] needs 12 bytes"],
  "a shape of absurd size": [one("F64", [2 ** 53 - 1, 2 ** 53 - 1], [0, 8]), "and its offsets give 8"],
  "a shape that overflows and is empty": [
    one("U8", [...Array(30).fill(2 ** 53 - 1), 0], [0, 0], 0),
    "needs NaN bytes, and its offsets give 0",
  ],
  "tensors that overlap": [two([0, 9], [8, 16]), "tensor b overlaps another"],
  "tensors that share their bytes": [two([0, 16], [0, 16]), "tensor b overlaps another"],
  "a gap between tensors": [two([0, 7], [8, 16]), "tensor b leaves a gap before it"],
  "a gap at the beginning": [two([1, 8], [8, 16]), "tensor a leaves a gap before it"],
  "bytes behind the last tensor": [two([0, 8], [8, 15]), "1 bytes after the last tensor belong to none"],
  "bytes and no tensor": [file("{}", 4), "4 bytes after the last tensor belong to none"],
};

describe("malformed safetensors files", () => {
  for (const [what, [bytes, message]] of Object.entries(CASES)) {
    it(`are refused with their reason: ${what}`, async () => {
      expect(() => parseSafetensors(bytes, "some.file")).toThrow(SyntaxError);
      expect(() => parseSafetensors(bytes, "some.file")).toThrow("cannot read some.file: ");
      expect(() => parseSafetensors(bytes, "some.file")).toThrow(message);
      const path = await Deno.makeTempFile();
      try {
        await Deno.writeFile(path, bytes);
        await expect(loadSafetensors(path)).rejects.toThrow(message);
        await expect(loadSafetensors(path)).rejects.toThrow(`cannot read ${path}: `);
      } finally {
        await Deno.remove(path);
      }
    });
  }

  it("are refused where they are cut off, wherever that is", async () => {
    const bytes = await formatSafetensors({ a: tensor([1, 2, 3]), b: tensor([true]) }, { note: "x" });
    for (let length = 0; length < bytes.length; length++) {
      expect(() => parseSafetensors(bytes.subarray(0, length))).toThrow(/truncated|no JSON/);
    }
  });

  it("are refused before anything is read that the file does not hold", () => {
    // Each of 2,000 tensors claims all of the data: together a thousand times what there is.
    const shared = Array.from({ length: 2000 }, (_, i) => `"x${i}":${entry("U8", [2 ** 20], [0, 2 ** 20])}`);
    const bytes = file(`{${shared.join()}}`, 2 ** 20);
    const before = Deno.memoryUsage();
    expect(() => parseSafetensors(bytes)).toThrow("overlaps another");
    expect(Deno.memoryUsage().external - before.external).toBeLessThan(2 ** 22);
  });

  it("may hold texts of millions of escapes, and names of megabytes are cut in what is said of them", () => {
    const text = "\\n".repeat(1e7);
    expect(parseSafetensors(file(`{"__metadata__":{"a":"${text}"}}`)).metadata.a.length).toBe(1e7);
    const twice = file(`{"__metadata__":{"a":"${text}","b\\\\":"\\"a","b\\\\":"c"}}`);
    expect(() => parseSafetensors(twice)).toThrow("its header has the name b\\ twice");
    const error = (() => {
      try {
        parseSafetensors(file(`{"${"x".repeat(2 ** 20)}":${entry("F8", [8], [0, 8])}}`, 8));
      } catch (error) {
        return error as Error;
      }
    })();
    expect(error?.message).toMatch(/^cannot read safetensors data: tensor xxx.*dtype F8 is not one of F64, F32/);
    expect(error!.message.length).toBeLessThan(500);
  });

  it("are missing or no files at all, and then say so", async () => {
    await expect(loadSafetensors("/no/such.safetensors")).rejects.toThrow(/^cannot read \/no\/such\.safetensors: /);
    await expect(loadSafetensors(new URL("../fixtures/", import.meta.url))).rejects.toThrow(
      /^cannot read file:.*no file|directory/,
    );
  });

  it("never crash, hang, or give more than they hold, whatever their bytes", () => {
    const check = (bytes: Uint8Array<ArrayBuffer>) => {
      let found: SafetensorsFile | undefined;
      try {
        found = parseSafetensors(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(SyntaxError);
        expect((error as Error).message).toMatch(/^cannot read safetensors data: /);
      }
      // The narrowest elements of files have a byte, ours four.
      const elements = Object.values(found?.tensors ?? {}).reduce((sum, { size }) => sum + size, 0);
      expect(elements).toBeLessThanOrEqual(bytes.length);
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => check(new Uint8Array(bytes))));
    const size = fc.oneof(fc.integer({ min: -1, max: 9 }), fc.constantFrom(2 ** 32, 2 ** 53, 1e308, 0.5));
    const part = fc.record({
      dtype: fc.constantFrom("U8", "F16", "F32", "I64", "BOOL", "f32", "", 3, null),
      shape: fc.oneof(fc.array(size, { maxLength: 3 }), fc.constant({})),
      data_offsets: fc.oneof({ weight: 4, arbitrary: fc.tuple(size, size) }, fc.array(size, { maxLength: 3 })),
    }, { requiredKeys: [] });
    const header = fc.dictionary(
      fc.constantFrom("a", "b", "__metadata__", "__proto__"),
      fc.oneof(part, fc.jsonValue()),
    );
    fc.assert(fc.property(header, fc.nat(20), (value, dataBytes) => check(file(JSON.stringify(value), dataBytes))), {
      numRuns: 1000,
    });
  });

  it("are refused or read alike when one byte of a good file is another", async () => {
    const good = await formatSafetensors({ ab: tensor([[1, 2], [3, 4]]), c: tensor([true, false]) }, { k: "v" });
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, byte) => {
        const bytes = good.slice();
        bytes[at] = byte;
        try {
          const { tensors } = parseSafetensors(bytes);
          expect(Object.values(tensors).reduce((sum, { size }) => sum + size, 0)).toBe(6);
        } catch (error) {
          expect(error).toBeInstanceOf(SyntaxError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
