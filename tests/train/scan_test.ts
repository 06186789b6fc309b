import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import * as dd from "../../mod.ts";
import type { Tensor } from "../../mod.ts";
import { collectGarbage } from "../support/collect_garbage.ts";
import { deviceIdle, testDevice } from "../support/device.ts";
import { bits, Numbers } from "../support/numbers.ts";
import { layerLoss, oneLayer, type Points, QUERY } from "../support/one_layer.ts";

const STEPS = 5;
const TARGETS = [QUERY];
const optimizer = dd.optim.adamw({ learningRate: 1e-2 });

/** Batches of all steps, with the axis of steps in front. */
function batches(): Points {
  const numbers = new Numbers(7);
  return { x: numbers.tensor([STEPS, 5, 8]), y: numbers.tensor([STEPS, 5, 6]) };
}

const batchOf = (all: Points, index: number) => dd.tree.map((x) => dd.select(x, { axis: 0, index }), all);

/** The elements of all tensors of a tree. */
const elementsOf = async (tree: dd.Tree) =>
  (await Promise.all(dd.tree.leaves(tree).map((leaf) => leaf.data()))).map(bits);

const METHODS = {
  LoRA: dd.peft.lora({ rank: 2, alpha: 4, targets: TARGETS }),
  "Delta-LoRA, in place,": dd.peft.deltaLora({
    rank: 2,
    alpha: 4,
    lambda: 2,
    startStep: 2,
    targets: TARGETS,
    write: "in-place",
  }),
  "full fine-tuning": dd.peft.full(),
};

describe("steps of training as turns of scan()", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  for (const [name, method] of Object.entries(METHODS)) {
    it(`give ${name} the bits of steps one after the other, in the memory of one state`, async () => {
      const device = await testDevice();
      const { base } = oneLayer();
      const step = dd.train.makeStep({ loss: layerLoss, method: method as dd.peft.Method, optimizer, clip: 1 });
      const begin = () =>
        dd.train.init(dd.random.key(0), dd.tree.map((x) => dd.copy(x), base), {
          method: method as dd.peft.Method,
          optimizer,
          takeBase: true,
        });
      const one = dd.jit(step, { donate: [0] });
      let state = begin();
      const losses: Tensor[] = [];
      for (let i = 0; i < STEPS; i++) {
        const [next, metrics] = await one(state, batchOf(batches(), i));
        state = next;
        losses.push(metrics.loss);
      }
      const all = dd.jit((state: typeof state0, batches: Points) => dd.scan(step, state, batches), { donate: [0] });
      const state0 = begin();
      const [last, metrics] = await all(state0, batches());
      expect(await elementsOf(last)).toEqual(await elementsOf(state));
      expect(await elementsOf([metrics.loss])).toEqual(await elementsOf([dd.stack(losses)]));
      const [{ inPlace, copiedBack }] = all.plans();
      expect(inPlace).toBeGreaterThan(0);
      expect(copiedBack).toBe(0);
      const [next] = await all(last, batches());
      await device.done();
      expect(await elementsOf(next)).not.toEqual(await elementsOf(state));
      one.dispose();
      all.dispose();
      await collectGarbage();
    });
  }
});
