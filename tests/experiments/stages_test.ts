import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { SCALE } from "../../experiments/recipes/mod.ts";
import { Inputs } from "../../experiments/runner/data/inputs.ts";
import { sharedSteps, stagesOf } from "../../experiments/runner/train/stages.ts";
import { glueSpecs } from "../../experiments/studies/glue/glue_specs.ts";
import { grid, type RunSpec } from "../../lib/experiment/mod.ts";

const STEPS = 1000;

describe("stagesOf()", () => {
  let delta: RunSpec;
  let lora: RunSpec;
  beforeAll(async () => {
    const options = { scale: SCALE.default, tasks: ["rte"], methods: ["delta-lora", "lora"], seeds: 1, steps: STEPS };
    [delta, lora] = await glueSpecs(new Inputs(), options);
  });

  const stages = (specs: readonly RunSpec[], from = 0) => stagesOf(specs, { from, steps: STEPS });

  it("trains Delta-LoRA that differs in λ and K alone once, up to the step behind the earliest K", () => {
    const specs = grid(delta, { "method.lambda": [0.5, 2], "method.startStep": [400, 600] });
    expect(specs.map(({ method }) => [method.lambda, method.startStep])).toEqual([
      [0.5, 400],
      [0.5, 600],
      [2, 400],
      [2, 600],
    ]);
    expect(stages(specs)).toEqual([
      { until: 401, cells: [[0, 1, 2, 3]] },
      { until: 601, cells: [[0], [1, 3], [2]] },
      { until: STEPS, cells: [[0], [1], [2], [3]] },
    ]);
    expect(sharedSteps(stages(specs), { runs: 4, from: 0 })).toBe(3 * 401 + 200);
  });

  it("goes on from any step", () => {
    const specs = grid(delta, { "method.lambda": [0.5, 2], "method.startStep": [400] });
    expect(stages(specs, 100)).toEqual([{ until: 401, cells: [[0, 1]] }, { until: STEPS, cells: [[0], [1]] }]);
    expect(stages(specs, 401)).toEqual([{ until: STEPS, cells: [[0], [1]] }]);
    expect(stages(specs, STEPS)).toEqual([{ until: STEPS, cells: [[0], [1]] }]);
  });

  it("does not part where that saves fewer steps than another program costs", () => {
    const specs = grid(delta, { "method.lambda": [0.5, 2], "method.startStep": [50] });
    expect(stages(specs)).toEqual([{ until: STEPS, cells: [[0], [1]] }]);
  });

  it("takes runs as one to the end where only names differ, and others apart from the first step on", () => {
    const named = { ...lora, experiment: "other" };
    const seeds = grid(lora, { seed: [0, 1] });
    expect(stages([lora, named])).toEqual([{ until: STEPS, cells: [[0, 1]] }]);
    expect(stages(seeds)).toEqual([{ until: STEPS, cells: [[0], [1]] }]);
    expect(stages([lora, delta])).toEqual([{ until: STEPS, cells: [[0], [1]] }]);
  });
});
