import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import type { Device } from "../../lib/device/mod.ts";
import { type HostMatrix, lowRankSpectrum, numericRank } from "../../lib/experiment/instruments/mod.ts";
import type { LayerChange, RunResult, RunSpec } from "../../lib/experiment/mod.ts";
import { SCALE } from "../../experiments/recipes/mod.ts";
import { Inputs } from "../../experiments/runner/data/inputs.ts";
import { Trainer } from "../../experiments/runner/train/trainer.ts";
import { glueSpecs } from "../../experiments/studies/glue/glue_specs.ts";
import { QUERIES_AND_VALUES } from "../../lib/peft/low_rank_options.ts";
import { type Tensor, tree } from "../../mod.ts";
import { testDevice } from "../support/device.ts";

const STEPS = 8;
const inputs = new Inputs();

async function specOf(method: string, options: Partial<RunSpec["method"]> = {}): Promise<RunSpec> {
  const grid = { scale: SCALE.default, tasks: ["cola"], methods: [method], seeds: 1, steps: STEPS };
  const [spec] = await glueSpecs(inputs, grid);
  return { ...spec, method: { ...spec.method, ...options, name: method }, changeOf: QUERIES_AND_VALUES };
}

const toHost = async (tensor: Tensor): Promise<HostMatrix> => ({
  data: (await tensor.data()).slice(),
  shape: [tensor.shape[0], tensor.shape[1]],
});

/** How many singular values of a change are no rounding of W. */
const rankOf = ({ values, shape, size }: LayerChange) =>
  numericRank({ values: Float64Array.from(values), shape }, { epsilon: 2 ** -23, size });

describe("the change of layers that a run's spec names", () => {
  let device: Device;
  beforeAll(async () => {
    device = await testDevice();
  });

  async function trained(spec: RunSpec) {
    const trainer = new Trainer(device, inputs);
    const factors: Record<string, { A: HostMatrix; B: HostMatrix }> = {};
    try {
      const result = await trainer.train(spec, {
        async onEnd({ state: { trainable } }) {
          if (spec.method.name !== "lora") return;
          for (const path of Object.keys(tree.part(trainable, "factors") ?? {})) {
            const [A, B] = ["A", "B"].map((name) => tree.leaf(trainable, "factors", path, name));
            factors[path] = { A: await toHost(A), B: await toHost(B) };
          }
        },
      });
      return { result, factors };
    } finally {
      trainer.close();
    }
  }
  const changesOf = ({ changes = {} }: RunResult) => Object.values(changes);

  it("has the singular values of s·B·A for LoRA, which turns W by as much as they and W say", async () => {
    const { result: { changes = {} }, factors } = await trained(await specOf("lora", { rank: 2, alpha: 4 }));
    expect(Object.keys(changes)).toEqual(Object.keys(factors));
    expect(Object.keys(changes)).toHaveLength(4);
    for (const [path, change] of Object.entries(changes)) {
      const { values } = lowRankSpectrum([{ ...factors[path], scale: 2 }]);
      expect(change.values).toHaveLength(64);
      values.forEach((value, i) => expect(change.values[i] / value).toBeCloseTo(1, 4));
      expect(rankOf(change)).toBe(2);
      // |W + D|² = |W|² + 2 W·D + |D|², so that D bounds the angle.
      const moved = Math.hypot(...change.values) / change.norm;
      expect(change.cosine).toBeGreaterThan(Math.sqrt(1 - moved ** 2) - 1e-9);
      expect(change.cosine).toBeLessThan(1);
      expect(change.size).toBeLessThan(change.norm);
    }
  });

  it("has at most 2r directions for Delta-LoRA beyond K, r from the first step on, and all for full fine-tuning", async () => {
    const delta = async (startStep: number) =>
      changesOf((await trained(await specOf("delta-lora", { rank: 2, alpha: 4, startStep }))).result).map(rankOf);
    expect(await delta(1)).toEqual([4, 4, 4, 4]);
    expect(await delta(-1)).toEqual([2, 2, 2, 2]);
    const full = changesOf((await trained(await specOf("full"))).result);
    for (const change of full) expect(rankOf(change)).toBeGreaterThan(32);
  });

  it("is not measured where the spec names no layers, and names the nearest where it matches none", async () => {
    const { changeOf: _, ...spec } = await specOf("lora");
    expect((await trained(spec)).result.changes).toBeUndefined();
    await expect(trained({ ...spec, changeOf: "querry" })).rejects.toThrow(
      /"querry" matches none of \d+ linear layers/,
    );
  });
});
