import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { mebibytes } from "../../lib/text/mebibytes.ts";

describe("mebibytes()", () => {
  it("says bytes in units of 2²⁰ with one digit, or with as many as are asked for", () => {
    expect(mebibytes(3 * 2 ** 19)).toBe("1.5 MiB");
    expect(mebibytes(2 ** 27, 2)).toBe("128.00 MiB");
  });
});
