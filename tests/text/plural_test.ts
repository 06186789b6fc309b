import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { plural } from "../../lib/text/plural.ts";

describe("plural()", () => {
  it("has one thing in the singular, and none or several in the plural", () => {
    expect([0, 1, 2].map((count) => plural(count, "run"))).toEqual(["0 runs", "1 run", "2 runs"]);
    expect([1, 2].map((count) => plural(count, "study", "studies"))).toEqual(["1 study", "2 studies"]);
  });
});
