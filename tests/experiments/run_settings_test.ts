import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { jit, type optim, type peft, random, tensor, train } from "../../mod.ts";
import type { RunSpec } from "../../lib/experiment/mod.ts";
import { makeMethod, type RunSettings } from "../../experiments/runner/train/make_method.ts";
import { makeOptimizer } from "../../experiments/runner/train/optimizer.ts";
import { treeLeaves } from "../../lib/tensor/mod.ts";
import { testDevice } from "../support/device.ts";
import { bits } from "../support/numbers.ts";
import { layerLoss, oneLayer } from "../support/one_layer.ts";

const STEPS = 5;
type Parts = Pick<RunSpec, "method" | "optimizer" | "steps">;

const method = {
  ...{ name: "delta-lora", rank: 4, alpha: 8, lambda: 0.5, startStep: 1, write: "in-place" },
  targets: "/query/",
};
const optimizer: RunSpec["optimizer"] = {
  name: "adamw",
  learningRate: 0.05,
  schedule: "linear",
  warmup: 2,
  weightDecay: 0.1,
};

const SPECS: Readonly<Record<string, Parts>> = {
  "AdamW's with a linear schedule": { method, optimizer, steps: STEPS },
  "AdamW's with half a cosine": { method, optimizer: { ...optimizer, schedule: "cosine" }, steps: STEPS },
  "AdamW's with a constant rate that rises": {
    method,
    optimizer: { ...optimizer, schedule: "constant" },
    steps: STEPS,
  },
  "AdamW's with a constant rate": {
    method,
    optimizer: { ...optimizer, schedule: "constant", warmup: 0 },
    steps: STEPS,
  },
  "AdamW's by name": { method, optimizer: { ...optimizer, decaysBiases: false }, steps: STEPS },
  "AdamW's by name, of 0": { method, optimizer: { ...optimizer, decaysBiases: false, weightDecay: 0 }, steps: STEPS },
  "SGD's": { method, optimizer: { ...optimizer, name: "sgd" }, steps: STEPS },
  "SGD's of 0, with momentum": {
    ...{ method, steps: STEPS },
    optimizer: { ...optimizer, name: "sgd", weightDecay: 0, momentum: 0.5 },
  },
};

/** The numbers of a spec as scalars. */
function settingsOf({ method, optimizer }: Parts): Required<RunSettings> {
  return {
    learningRate: tensor(optimizer.learningRate),
    weightDecay: tensor(optimizer.weightDecay),
    method: {
      alpha: tensor(Number(method.alpha)),
      lambda: tensor(Number(method.lambda)),
      startStep: tensor(Number(method.startStep), { dtype: "i32" }),
    },
  };
}

/** The bits of all that a run leaves. */
async function follow(parts: { readonly method: peft.Method; readonly optimizer: optim.Optimizer }) {
  const { base, points } = oneLayer();
  const step = jit(train.makeStep({ loss: layerLoss, ...parts }));
  let state = train.init(random.key(3), base, parts);
  const told: train.StepMetrics[] = [];
  for (let i = 0; i < STEPS; i++) {
    const [next, metrics] = await step(state, points);
    state = next;
    told.push(metrics);
  }
  const leaves = await Promise.all(treeLeaves([state, told]).map((leaf) => leaf.data()));
  step.dispose();
  return leaves.map((leaf) => bits(leaf));
}

describe("settings of a run that are data", () => {
  beforeAll(async () => void await testDevice());

  for (const [name, spec] of Object.entries(SPECS)) {
    it(`give a Delta-LoRA run and ${name} the bits of the spec's numbers`, async () => {
      const settings = settingsOf(spec);
      const wanted = await follow({ method: makeMethod(spec), optimizer: makeOptimizer(spec) });
      const got = { method: makeMethod(spec, { settings }), optimizer: makeOptimizer(spec, settings) };
      expect(await follow(got)).toEqual(wanted);
    });
  }

  it("take the place of the spec's numbers, which count where they are absent", async () => {
    const spec = SPECS["AdamW's with a constant rate"];
    const rateOf = async (settings: RunSettings) => {
      const made = makeOptimizer(spec, settings);
      return await made.learningRate!(made.init({}))!.item();
    };
    expect([await rateOf({ learningRate: tensor(0.25) }), await rateOf({})]).toEqual([0.25, Math.fround(0.05)]);
    expect(() => makeMethod(spec, { settings: { method: { rank: tensor(4, { dtype: "i32" }) } } }))
      .toThrow("delta-lora: rank is a whole number from 1, and cannot be a tensor");
  });

  it("are nothing for a method that is its adapter's own", () => {
    const { base } = oneLayer();
    const own = makeMethod({ method: { name: "lora", rank: 2, alpha: 4, targets: "/query/" }, steps: STEPS });
    const { trainable } = own.init(random.key(0), base);
    const beginning = {
      ...{ name: "lora", options: { rank: 2, alpha: 4 }, method: own as peft.AdapterMethod["method"] },
      ...{ trainable: trainable as peft.AdapterMethod["trainable"], left: [], hash: "" },
    };
    const spec = { method: { name: "lora" }, steps: STEPS };
    expect(makeMethod(spec, { beginning })).toBe(own);
    expect(() => makeMethod(spec, { beginning, settings: { method: { alpha: tensor(1) } } }))
      .toThrow("lora: alpha is the adapter's own number, and cannot be a tensor");
  });
});
