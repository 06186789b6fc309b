import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { makePlan } from "../../../lib/compile/plan/make_plan.ts";
import { mul, sin, sub, tanh } from "../../../lib/ops/mod.ts";
import { holdNodes } from "../../../lib/ops/primitive.ts";
import { adamw, applyUpdates } from "../../../lib/optim/mod.ts";
import { evaluate, stateOf, type Tensor, tensor, type Tree, treeLeaves } from "../../../lib/tensor/mod.ts";
import { jit } from "../../../lib/transform/mod.ts";
import { testDevice } from "../../support/device.ts";
import { expectClose, Numbers } from "../../support/numbers.ts";

const target = { driver: "lavapipe", isSoftware: true, subgroupSize: 8, maxInvocations: 1024 } as const;

/** Element-wise steps, one after the other. */
function chain(x: Tensor, steps: number): Tensor {
  let w = x;
  for (let i = 0; i < steps; i++) w = sub(w, mul(sin(w), 0.01));
  return w;
}

/** The same in float64. */
function chainOf(value: number, steps: number): number {
  let w = value;
  for (let i = 0; i < steps; i++) w -= Math.sin(w) * 0.01;
  return w;
}

describe("a chain of 3,000 element-wise steps", () => {
  beforeAll(async () => void await testDevice());

  for (const shape of [[8], [128, 128], []]) {
    const numbers = () => new Numbers(1).tensor(shape, { min: 0.5, max: 2 });

    it(`on [${shape}] is what float64 gives, eager and jitted`, async () => {
      const x = numbers();
      const given = await x.data();
      const wanted = given.slice(0, 50).map((value) => chainOf(value, 3000));
      const [eager] = await evaluate([chain(x, 3000)]);
      expectClose((await eager.data()).slice(0, 50), wanted, 1e-4);
      const compiled = jit((start: Tensor) => chain(start, 3000));
      expect(await (await compiled(x)).data()).toEqual(await eager.data());
      compiled.dispose();
    });
  }

  it("is cut into kernels of bounded size, most of which have the same text", () => {
    holdNodes(() => {
      const { steps, clusters } = makePlan([chain(new Numbers(1).tensor([8]), 3000)], { target, isKept: false });
      const nodes = clusters.map(({ nodes }) => nodes.length);
      expect(nodes.reduce((sum, count) => sum + count)).toBe(9000);
      expect(Math.max(...nodes)).toBeLessThanOrEqual(128);
      expect(steps.length).toBeLessThanOrEqual(600);
      expect(new Set(steps.map(({ kernel }) => kernel.code)).size).toBeLessThanOrEqual(5);
    });
  });

  it("is cut into shorter kernels where its operations are long functions", () => {
    const longest = (step: (x: Tensor) => Tensor) =>
      holdNodes(() => {
        let x: Tensor = new Numbers(1).tensor([8]);
        for (let i = 0; i < 300; i++) x = step(x);
        return Math.max(...makePlan([x], { target, isKept: false }).clusters.map(({ nodes }) => nodes.length));
      });
    expect(longest((x) => mul(x, 0.5))).toBe(128);
    expect(longest(sin)).toBeLessThan(32);
  });

  it("is cut in work on single numbers and in front of a sum, too", () => {
    holdNodes(() => {
      const start = tensor([1, 2, 3, 4]);
      const scalars = Array.from({ length: 200 }, (_, i) => tanh(chain(tensor(i), 1)));
      const outputs = [mul(start, scalars.reduce((sum, one) => sub(sum, one)))];
      const { clusters } = makePlan(outputs, { target, isKept: true, donated: new Set([start]) });
      for (const { nodes } of clusters) expect(nodes.length).toBeLessThanOrEqual(128);
    });
  });
});

describe("an update of 10,000 parameters", () => {
  it("has a plan of a few dispatches", () => {
    holdNodes(() => {
      const params = Array.from({ length: 10_000 }, (_, i) => tensor(new Float32Array(8 + i % 3)));
      const optimizer = adamw({ learningRate: 1e-3, weightDecay: 0.01 });
      const before = optimizer.init(params);
      const { updates, state } = optimizer.update(params.map((one) => mul(one, 2)), before, params);
      const outputs = treeLeaves([applyUpdates(params, updates), state] as Tree);
      const given = new Set(treeLeaves([params, before] as Tree));
      const isLeaf = (one: Tensor) => given.has(one) || stateOf(one).kind !== "node";
      const { steps } = makePlan(outputs, { target, isKept: true, isLeaf, donated: given });
      expect(steps.length).toBeLessThanOrEqual(5);
    });
  });
});
