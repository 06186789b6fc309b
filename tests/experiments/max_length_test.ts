import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { lengthOf } from "../../experiments/runner/complete_spec.ts";

describe("--max-length", () => {
  it("is 128 or what model and tokenizer allow by default, and any number of the model's positions where it is given", () => {
    const bounds = (maxLength: number, modelMaxLength?: number) => ({
      maxLength,
      folder: "tiny",
      tokenizer: { ...modelMaxLength !== undefined && { modelMaxLength } },
    });
    expect(lengthOf(undefined, bounds(512))).toBe(128);
    expect(lengthOf(undefined, bounds(64))).toBe(64);
    expect(lengthOf(undefined, bounds(512, 48))).toBe(48);
    expect(lengthOf(100, bounds(512, 48))).toBe(100);
    expect(() => lengthOf(100, bounds(64, 48))).toThrow(
      "`model.length` 100 is more than tiny has positions for: 64",
    );
  });
});
