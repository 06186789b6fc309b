import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { distinct } from "../../lib/text/distinct.ts";

describe("distinct()", () => {
  it("has each value once, where it first comes", () => {
    expect(distinct([3, 1, 3])).toBe("3, 1");
    expect(distinct(["dev", "dev"])).toBe("dev");
    expect(distinct([])).toBe("");
  });
});
