import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { openDevice } from "../../mod.ts";
import type { Device } from "../../lib/device/mod.ts";
import { grid, METHOD_OPTIONS, type RunSpec } from "../../lib/experiment/mod.ts";
import { ALL_METHODS, RECIPES } from "../../experiments/recipes/methods.ts";
import { Inputs } from "../../experiments/runner/data/inputs.ts";
import { Trainer } from "../../experiments/runner/train/trainer.ts";
import { TEST_DEVICE } from "../support/devices.ts";
import { runTask } from "./run_task.ts";

const ARGS = "glue --tasks rte --methods delta-lora --seeds 1 --steps 8 --dry-run --json".split(" ");

describe("runs of a grid", () => {
  let base: RunSpec;
  let device: Device;
  let trainer: Trainer;
  beforeAll(async () => {
    [base] = JSON.parse((await runTask("reproduce", ARGS)).stdout).specs;
    device = await openDevice({ device: TEST_DEVICE, report: () => {} });
    trainer = new Trainer(device, new Inputs());
  });
  afterAll(() => {
    trainer.close();
    device.destroy();
  });

  /** Pipelines that were made for a run. */
  async function pipelinesOf(spec: RunSpec): Promise<number> {
    const before = device.counters().pipelines;
    await trainer.run(spec, { onProgress: () => {} });
    return device.counters().pipelines - before;
  }

  it("share compiled kernels where they differ in seed, rate, λ, K, α or decay", async () => {
    const learningRate = base.optimizer.learningRate;
    const specs = [
      ...grid(base, { seed: [0, 1] }),
      ...grid(base, { "optimizer.learningRate": [learningRate / 3, learningRate / 5] }),
      ...grid(base, { "method.lambda": [0.3, 0.7, 3] }),
      ...grid(base, { "method.startStep": [3, 4] }),
      ...grid(base, { "method.alpha": [12, 20] }),
      ...grid(base, { "optimizer.weightDecay": [0.02] }),
    ];
    const pipelines: number[] = [];
    for (const spec of specs) pipelines.push(await pipelinesOf(spec));
    const [first, ...others] = pipelines;
    expect(first).toBeGreaterThan(30);
    // Eager work that has gathered over several runs, 4,000 nodes of it, is done in one of them, by kernels of its own:
    // the dozen runs make some 7,700 nodes, so that it may be two.
    expect(others.filter((count) => count > 0).length).toBeLessThanOrEqual(2);
    expect(Math.max(...others)).toBeLessThan(first / 3);
  });
});

describe("METHOD_OPTIONS", () => {
  it("has every option of every recipe, so that each has a column", () => {
    for (const name of ALL_METHODS) {
      const { name: _, ...options } = RECIPES[name].options(100);
      expect(Object.keys(METHOD_OPTIONS)).toEqual(expect.arrayContaining(Object.keys(options)));
    }
  });
});
