import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import fc from "fast-check";
import { canonicalJson, hashSpec, parseSpec, type RunSpec, sha256 } from "../../../lib/experiment/mod.ts";
import { sampleSpec } from "../samples.ts";

/** Every way to a string or number in plain data. */
function leafPaths(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [[...path]];
  return Object.entries(value).flatMap(([key, part]) => leafPaths(part, [...path, key]));
}

/** The same data with another leaf. */
function withLeaf(value: unknown, path: readonly string[], leaf: unknown): unknown {
  if (path.length === 0) return leaf;
  const [key, ...rest] = path;
  const parts = value as Record<string, unknown>;
  return { ...parts, [key]: withLeaf(parts[key], rest, leaf) };
}

/** The same data with the keys of every object the other way round. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).reverse().map(([key, part]) => [key, reversed(part)]));
}

describe("parseSpec()", () => {
  it("gives back a spec that is right", () => {
    expect(parseSpec(JSON.parse(JSON.stringify(sampleSpec())))).toEqual(sampleSpec());
  });

  const wrong: [what: string, path: string[], value: unknown, message: string][] = [
    ["no steps", ["steps"], 0, "wrong at steps"],
    ["half a step", ["steps"], 1.5, "wrong at steps"],
    ["a seed below zero", ["seed"], -1, "wrong at seed"],
    ["steps in words", ["steps"], "four", "wrong at steps: Invalid type: Expected number"],
    ["an endless rate", ["optimizer", "learningRate"], Infinity, "wrong at optimizer.learningRate"],
    ["another source of data", ["data", "source"], "cloud", "wrong at data.source"],
    ["a size that is nothing", ["model", "layers"], null, "wrong at model.layers"],
    ["a method's option that is a list", ["method", "rank"], [8], "wrong at method.rank"],
    ["a key that it does not have", ["colour"], "red", "wrong at colour"],
    ["no metric", ["metric"], "", "wrong at metric"],
    [
      "a key that is nearly one, with the one",
      ["optimizer", "learningrate"],
      1,
      'wrong at optimizer.learningrate: there is no such key: did you mean "learningRate"? There are name, learningRate, ',
    ],
    [
      "a name that is nearly one, with the one",
      ["data", "source"],
      "siute",
      '"siute" is unknown: did you mean "suite"?',
    ],
    [
      "another split, with the one there is",
      ["split"],
      "tset",
      '"tset" is unknown: did you mean "test"? There are dev',
    ],
    ["a test split of what has labels", ["split"], "test", 'labelSmoothing, decoding and split "test" belong to kinds'],
    ["a place that is missing", ["seed"], undefined, "wrong at seed: "],
    [
      "an encoder with a decoder whose texts have no length",
      ["kind"],
      "sequence-to-sequence",
      'model.targetLength belongs to kind "sequence-to-sequence"',
    ],
    ["a kind that is nearly one", ["kind"], "regresion", '"regresion" is unknown: did you mean "regression"?'],
    [
      "columns of what is no file",
      ["data", "columns"],
      { text: "a", label: "b" },
      'data.columns belongs to source "files"',
    ],
    [
      "a decoding of what has labels",
      ["decoding"],
      { beams: 2, maxNewTokens: 8 },
      "labelSmoothing, decoding and split",
    ],
    ["a version that is to come", ["version"], 2, "of version 2, and this package reads versions up to 1"],
    ["half a version", ["version"], 0.5, "wrong at version"],
  ];
  for (const [what, path, value, message] of wrong) {
    it(`refuses ${what} and says where`, () => {
      const spec = withLeaf(sampleSpec(), path, value);
      expect(() => parseSpec(spec)).toThrow(TypeError);
      expect(() => parseSpec(spec)).toThrow(message);
    });
  }

  it("reads a spec of before versions were counted, whose hash is another than that of its present form", async () => {
    const { version: _, kind: __, ...old } = sampleSpec({ metric: "pearson" });
    expect(parseSpec(old)).toEqual(sampleSpec({ metric: "pearson", kind: "regression" }));
    expect(await hashSpec(parseSpec(old))).not.toBe(await hashSpec(old as RunSpec));
  });

  it("names the key that is wrong before the one that is missing for it", () => {
    const { seed, ...rest } = sampleSpec();
    expect(() => parseSpec({ ...rest, sead: seed })).toThrow(
      'wrong at sead: there is no such key: did you mean "seed"?',
    );
    expect(() => parseSpec(rest)).toThrow("wrong at seed: it is missing");
  });

  it("refuses what is no object", () => {
    expect(() => parseSpec("spec")).toThrow("wrong at its root");
  });
});

describe("canonicalJson()", () => {
  it("does not depend on the order of keys", () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => {
      expect(canonicalJson(reversed(value))).toBe(canonicalJson(value));
    }));
  });

  it("is JSON of the same value, but for -0, which JSON has not", () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => {
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }));
  });
});

describe("sha256()", () => {
  it("is that of FIPS 180-4's examples, for text and for bytes", async () => {
    const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    expect(await sha256("abc")).toBe(abc);
    expect(await sha256(Uint8Array.of(0x61, 0x62, 0x63))).toBe(abc);
    expect(await sha256("")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  });
});

describe("hashSpec()", () => {
  it("is the beginning of the canonical JSON's sha-256", async () => {
    expect(await hashSpec(sampleSpec())).toBe((await sha256(canonicalJson(sampleSpec()))).slice(0, 16));
    expect(await hashSpec(reversed(sampleSpec()) as ReturnType<typeof sampleSpec>)).toBe(await hashSpec(sampleSpec()));
  });

  it("is another one when any part of the spec is", async () => {
    const spec = sampleSpec();
    const hashes = new Set([await hashSpec(spec)]);
    const paths = leafPaths(spec);
    for (const path of paths) hashes.add(await hashSpec(withLeaf(spec, path, "another") as typeof spec));
    expect(paths.length).toBeGreaterThan(25);
    expect(hashes.size).toBe(paths.length + 1);
  });
});
