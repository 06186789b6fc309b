import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { Inputs } from "../../experiments/runner/data/inputs.ts";
import { isSuiteData, suiteFiles } from "../../experiments/runner/data/suite_data.ts";

describe("data called suite:N", () => {
  it("are the generated tasks with so many dev examples, and as many to train on as ever", async () => {
    const [usual, more] = ["suite", "suite:1000"].map((data) => new Inputs({ data }));
    const [few, many] = [await usual.task({ task: "rte" }), await more.task({ task: "rte" })];
    expect([few.sets.dev.length, many.sets.dev.length]).toEqual([400, 1000]);
    expect(many.train.length).toBe(few.train.length);
    // The first dev examples are the same.
    expect(many.sets.dev.slice(0, 400)).toEqual(few.sets.dev);
    expect(many.hash).not.toBe(few.hash);
    expect(more.sourceOf({ task: "rte" })).toBe("suite");
    expect(more.isSuite).toBe(true);
  });

  it("are told from folders, and refused where they would be none", () => {
    expect([undefined, "suite", "suite:800", "suite:", "suite:x", "./suite"].map(isSuiteData))
      .toEqual([true, true, true, false, false, false]);
    expect(() => suiteFiles("suite:1")).toThrow("at least 2 dev examples of a task, not 1");
    expect(suiteFiles("suite:4")).toBe(suiteFiles("suite:4"));
  });
});
