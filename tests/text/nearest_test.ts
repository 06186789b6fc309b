import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import fc from "fast-check";
import { byDistance, nearest, requireName } from "../../lib/text/nearest.ts";

const METHODS = ["full", "lora", "adalora", "delta-lora"];

describe("nearest()", () => {
  it("finds the name that needs the fewest edits: deletion, insertion, exchange", () => {
    expect(nearest("loraa", METHODS)).toBe("lora");
    expect(nearest("deltalora", METHODS)).toBe("delta-lora");
    expect(nearest("fall", METHODS)).toBe("full");
  });

  it("does not mind capitals", () => {
    expect(nearest("CoLA", ["rte", "cola"])).toBe("cola");
    expect(nearest("SST-2", ["cola", "sst2", "rte"])).toBe("sst2");
  });

  it("takes the first of names that differ alike", () => {
    expect(nearest("x", ["b", "a"])).toBe("b");
  });

  it("finds every name itself, however it is capitalised", () => {
    fc.assert(fc.property(fc.uniqueArray(fc.stringMatching(/^[a-z-]{1,8}$/), { minLength: 1 }), (names) => {
      for (const name of names) expect(nearest(name.toUpperCase(), names)).toBe(name);
    }));
  });
});

describe("requireName()", () => {
  it("gives a name that is there", () => {
    expect(requireName("method", "lora", METHODS)).toBe("lora");
  });

  it("refuses others with the nearest and all there are, names of Object.prototype too", () => {
    expect(() => requireName("method", "lorra", METHODS)).toThrow(RangeError);
    expect(() => requireName("method", "lorra", METHODS))
      .toThrow('unknown method "lorra": did you mean "lora"? There are full, lora, adalora, delta-lora');
    expect(() => requireName("method", "toString", METHODS)).toThrow('unknown method "toString"');
  });
});

describe("byDistance()", () => {
  it("puts names in the order of their distance, and those as far as each other in their own", () => {
    expect(byDistance("lora", METHODS)).toEqual(["lora", "adalora", "full", "delta-lora"]);
    expect(byDistance("x", ["ab", "cd", "x"])).toEqual(["x", "ab", "cd"]);
  });

  it("takes the nearest of a name's spellings", () => {
    const endings = (path: string) => path.split(".").map((_, i, parts) => parts.slice(i).join("."));
    const paths = ["layer.0.output.dense", "layer.0.attention.query", "layer.0.attention.key"];
    expect(byDistance("qeury", paths, endings)[0]).toBe("layer.0.attention.query");
    expect(byDistance("qeury", paths)[0]).not.toBe("layer.0.attention.query");
  });
});
