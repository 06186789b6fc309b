import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import * as ops from "../../../lib/ops/mod.ts";
import { adamw, applyUpdates, type Optimizer, sgd } from "../../../lib/optim/mod.ts";
import { evaluate, type Tensor, type Tree, treeLeaves, treeMap } from "../../../lib/tensor/mod.ts";
import type { PlanSummary } from "../../../lib/compile/inspect_mod.ts";
import { jit, valueAndGrad } from "../../../lib/transform/mod.ts";
import { testDevice } from "../../support/device.ts";
import { bits, Numbers } from "../../support/numbers.ts";

async function allBits(tree: Tree): Promise<number[][]> {
  return await Promise.all(treeLeaves(tree).map(async (one) => bits(await one.data())));
}

/** How many kernels of a plan in words work on several tensors at once. */
function joinedIn({ dispatches }: PlanSummary): number {
  return dispatches.filter(({ joined }) => joined > 1).length;
}

/** All subsets of the axes of a tensor. */
function subsetsOf(rank: number): number[][] {
  return Array.from({ length: 2 ** rank }, (_, set) => [...Array(rank).keys()].filter((axis) => set & (1 << axis)));
}

/** Runs steps with and without donation, and one operation at a time, and expects the same bits of all three. */
async function expectSameBits<S extends Tree>(
  body: (state: S) => S,
  start: () => S,
  steps: number,
): Promise<PlanSummary> {
  const donating = jit(body, { donate: [0] });
  const keeping = jit(body);
  let [eager, donated, kept] = [start(), start(), start()];
  for (let i = 0; i < steps; i++) {
    eager = body(eager);
    await evaluate(eager);
    donated = await donating(donated);
    kept = await keeping(kept);
  }
  const wanted = await allBits(eager);
  expect(await allBits(kept)).toEqual(wanted);
  expect(await allBits(donated)).toEqual(wanted);
  const [plan] = donating.plans();
  donating.dispose();
  keeping.dispose();
  return plan;
}

describe("joined work on tensors that lie otherwise than it reads them", () => {
  beforeAll(async () => void await testDevice());

  let joined = 0;
  const optimizers: Readonly<Record<string, Optimizer>> = {
    SGD: sgd({ learningRate: 0.5 }),
    momentum: sgd({ learningRate: 0.5, momentum: 0.9 }),
    AdamW: adamw({ learningRate: 0.1, weightDecay: 0.01 }),
  };
  for (const shape of [[6], [3, 5], [4, 1], [3, 4, 5], [8, 16, 4], [3, 2, 4, 5], [2, 1, 3, 4]]) {
    for (const [name, optimizer] of Object.entries(optimizers)) {
      it(`trains scales and shifts along any axes of [${shape}] with ${name} as eager code does`, async () => {
        const inputs = [1, 2, 3].map((seed) => new Numbers(seed).tensor(shape));
        const subsets = subsetsOf(shape.length);
        const start = () => {
          const numbers = new Numbers(7);
          const params = subsets.map((kept) =>
            [1, 2].map(() => {
              const own = shape.map((size, axis) => kept.includes(axis) ? size : 1);
              return { scale: numbers.tensor(own), shift: numbers.tensor(own) };
            })
          );
          return { params, optimizer: optimizer.init(params) };
        };
        const loss = (params: ReturnType<typeof start>["params"]) =>
          params.flat().map(({ scale, shift }, i) =>
            ops.mean(ops.square(ops.sub(ops.add(ops.mul(inputs[i % 2], scale), shift), inputs[2])))
          ).reduce((sum, one) => ops.add(sum, one));
        joined += joinedIn(
          await expectSameBits(
            ({ params, optimizer: moments }) => {
              const { grad } = valueAndGrad(loss)(params);
              const { updates, state } = optimizer.update(grad, moments, params);
              return { params: applyUpdates(params, updates) as typeof params, optimizer: state };
            },
            start,
            3,
          ),
        );
      });
    }
  }

  it("was joined in those trainings", () => {
    expect(joined).toBeGreaterThan(20);
  });

  it("takes single numbers from where they lie beside others", async () => {
    const start = () => {
      const numbers = new Numbers(3);
      return {
        targets: [numbers.tensor([8, 8]), numbers.tensor([8, 8])],
        sources: [numbers.tensor([5, 5]), numbers.tensor([5, 5])],
        products: [numbers.tensor([4, 4]), numbers.tensor([4, 4])],
      };
    };
    const plan = await expectSameBits(
      ({ targets, sources, products }) => {
        const sums = sources.map((one) => ops.sum(ops.sin(one)));
        return {
          targets: targets.map((one) => ops.sub(one, ops.mul(one, sums[1]))),
          sources: sources.map((one, i) => ops.mul(one, sums[i])),
          products: products.map((one) => ops.mul(ops.matmul(one, one), sums[1])),
        };
      },
      start,
      2,
    );
    expect(plan.dispatches).toContainEqual(expect.objectContaining({ fused: ["sin", "sum"], joined: 2 }));
  });

  it("sums tensors of one element each, not the first for all", async () => {
    const body = (values: Tensor[]) => values.map((one) => ops.add(ops.mul(one, 0.5), ops.sum(one, { axis: 1 })));
    const numbers = new Numbers(5);
    const given = [numbers.tensor([1, 1]), numbers.tensor([1, 1]), numbers.tensor([1, 1])];
    await expectSameBits(body, () => treeMap((one) => ops.mul(one, 1), given), 2);
  });

  it("computes random programs on several sets of tensors as eager code does", async () => {
    let found = 0;
    for (let seed = 0; seed < 40; seed++) {
      const { body, start } = randomProgram(seed);
      found += joinedIn(await expectSameBits(body, start, 2));
    }
    expect(found).toBeGreaterThan(40);
  });
});

/** The same chain of random operations on each of several tensors: what may be joined, and much that may not. */
function randomProgram(seed: number) {
  const choose = new Numbers(1000 + seed);
  const sizes = [1, 2, 3, 4, 5, 8];
  const rank = 1 + choose.below(4);
  const shape = Array.from({ length: rank }, () => sizes[choose.below(sizes.length)]);
  const count = 2 + choose.below(3);
  const fixed = new Numbers(seed).tensor(shape);
  const chain = Array.from({ length: 5 }, () => ({ kind: choose.below(9), choice: 1 + choose.below(2 ** 20) }));
  const work = (start: Tensor, others: readonly Tensor[]) => {
    let x = start;
    for (const { kind, choice } of chain) {
      const numbers = new Numbers(choice);
      const axis = x.rank > 0 ? numbers.below(x.rank) : 0;
      const order = x.shape.map((_, i) => i).sort((a, b) => (a * 7 + choice) % 5 - (b * 7 + choice) % 5);
      if (kind === 0) x = ops.tanh(ops.add(x, 0.25));
      else if (kind === 1) x = ops.transpose(x, order);
      else if (kind === 2 && x.rank > 0 && x.shape[axis] > 1) {
        const cut = (size: number, i: number) => i === axis ? size : 0;
        x = ops.slice(x, { start: x.shape.map((_, i) => cut(1, i)), size: x.shape.map((n, i) => n - cut(1, i)) });
      } else if (kind === 3 && x.rank > 1) x = ops.mean(x, { axis, keepDims: choice % 2 === 0 });
      else if (kind === 4 && x.rank > 1) x = ops.sum(x, { axis: order.slice(0, 1 + choice % (x.rank - 1)) });
      else if (kind === 5) x = ops.mul(x, ops.mean(others[choice % others.length]));
      else if (kind === 6 && x.rank < 4) x = ops.broadcastTo(x, [2, ...x.shape]);
      else if (kind === 7 && x.rank === 2) x = ops.matmul(x, x, { transposeB: true });
      else if (kind === 8 && x.rank > 1) x = ops.max(x, { axis });
    }
    return x;
  };
  const body = (state: Tensor[]): Tensor[] =>
    state.map((one) => {
      const made = work(one, state);
      return ops.mul(ops.add(ops.mul(one, fixed), ops.tanh(ops.mean(made))), 0.5);
    });
  const start = () => {
    const numbers = new Numbers(2000 + seed);
    return Array.from({ length: count }, () => numbers.tensor(shape));
  };
  return { body, start };
}
