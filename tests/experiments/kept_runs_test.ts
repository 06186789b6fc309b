import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { keptRuns } from "../../experiments/runner/kept_runs.ts";
import { hashSpec } from "../../lib/experiment/mod.ts";
import { sampleSpec } from "../experiment/samples.ts";

describe("keptRuns()", () => {
  const [mnli, cola] = ["mnli", "cola"].map((task) => sampleSpec({ task }));

  it("are those that a run of the grid starts from, and no other of their task", async () => {
    const run = await hashSpec(mnli);
    const specs = [
      mnli,
      sampleSpec({ task: "mnli", seed: 1 }),
      sampleSpec({ task: "rte", start: { task: "mnli", run } }),
    ];
    expect(await keptRuns(specs)).toEqual(new Set([run]));
  });

  it("are all of a task that runs which are asked for later may start from", async () => {
    expect(await keptRuns([mnli, cola], ["mnli"])).toEqual(new Set([await hashSpec(mnli)]));
  });

  it("are none where nothing starts from a run, nor where that run is of another grid", async () => {
    expect(await keptRuns([mnli, cola])).toEqual(new Set());
    const other = sampleSpec({ task: "rte", start: { task: "mnli", run: "f".repeat(64) } });
    expect(await keptRuns([cola, other])).toEqual(new Set());
  });
});
