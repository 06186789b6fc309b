import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import * as linalg from "../../lib/linalg/mod.ts";
import { random, stack } from "../../lib/ops/mod.ts";
import { applyUpdates, chain, galore, isRefreshStep, type Optimizer, scaleByGalore } from "../../lib/optim/mod.ts";
import { leadingVectors, leadingVectorsOfAll } from "../../lib/optim/projection.ts";
import { type Tensor, tensor, type Tree, treeLeaves, treeMap } from "../../lib/tensor/mod.ts";
import { jit, vmap } from "../../lib/transform/mod.ts";
import fixture from "../fixtures/galore.json" with { type: "json" };
import { testDevice } from "../support/device.ts";
import { bits, expectClose } from "../support/numbers.ts";

const { rank, refreshEvery, scale, shapes, projected } = fixture;
type Name = keyof typeof shapes;
const NAMES = Object.keys(shapes) as Name[];
const treeOf = (flat: Readonly<Record<Name, readonly number[]>>) =>
  Object.fromEntries(NAMES.map((name) => [name, tensor(flat[name], { shape: shapes[name] })]));
const OPTIONS = { rank, refreshEvery, scale, isProjected: (_: Tensor, path: string) => projected.includes(path) };

/** A step of an optimizer as a jitted function that is told whether it refreshes. */
const stepOf = (optimizer: Optimizer) =>
  jit((params: Record<string, Tensor>, state: Tree, grads: Record<string, Tensor>, isRefresh: boolean) => {
    const { updates, state: next } = optimizer.update(grads, state, params, isRefresh);
    const result: [Record<string, Tensor>, Tree] = [applyUpdates(params, updates), next];
    return result;
  });

/** A matrix `[m, n]` with the given singular values, and its vectors on the side of n. */
async function withValues(m: number, n: number, values: readonly number[]) {
  const [U] = linalg.qr(random.normal(random.key(1), [m, values.length]));
  const [V] = linalg.qr(random.normal(random.key(2), [n, values.length]));
  return { G: U.mul(tensor(values)).matmul(V, { transposeB: true }), V: await V.data() };
}

describe("galore()", () => {
  beforeAll(async () => void await testDevice());

  for (const [name, weightDecay] of [["without decay", 0], ["with decay", 0.2]] as const) {
    it(`follows the authors' steps in PyTorch ${name}, in two programs`, async () => {
      const optimizer: Optimizer = galore({ ...OPTIONS, learningRate: 0.1, weightDecay });
      const step = stepOf(optimizer);
      let params = treeOf(fixture.params);
      let state = optimizer.init(params);
      for (const [i, grads] of fixture.grads.entries()) {
        [params, state] = await step(params, state, treeOf(grads), isRefreshStep(optimizer, i));
        for (const one of NAMES) expectClose(await params[one].data(), fixture.runs[name][i][one], 4e-6);
      }
      expect(step.plans()).toHaveLength(2);
      step.dispose();
    });
  }

  it("keeps moments of r by the longer side and a projection of the shorter one by r, and whole moments of what is smaller", () => {
    const params = {
      tall: tensor(new Float32Array(60), { shape: [10, 6] }),
      wide: tensor([[1, 2, 3, 4, 5]]),
      b: tensor([1]),
    };
    const [{ adam, projections }] = galore({ learningRate: 1, rank: 4 }).init(params);
    expect(treeMap(({ shape }) => [...shape], adam.mu)).toEqual({ tall: [10, 4], wide: [1, 5], b: [1] });
    expect(treeMap(({ shape }) => [...shape], projections)).toEqual({ tall: [6, 4] });
    const elements = treeLeaves([adam.mu, adam.nu, projections]).reduce((sum, { size }) => sum + size, 0);
    expect(elements).toBe(2 * (10 * 4 + 5 + 1) + 6 * 4);
  });

  it("begins anew in the middle of a run with the projections that it has", async () => {
    const params = { W: random.normal(random.key(3), [5, 4]) };
    const optimizer = galore({ learningRate: 1, rank: 2 });
    const { state } = optimizer.update({ W: params.W }, optimizer.init(params), params, true);
    const [{ adam, projections }] = optimizer.restart!(state, params);
    expect(bits(await projections.W.data())).toEqual(bits(await state[0].projections.W.data()));
    expect(await adam.count.item()).toBe(0);
    for (const moment of treeLeaves([adam.mu, adam.nu])) expect((await moment.data()).every((x) => x === 0)).toBe(true);
  });

  it("refuses what it cannot be made of, and an update that is not told whether it is a refresh", () => {
    for (const rank of [0, 1.5, NaN]) {
      expect(() => scaleByGalore({ rank })).toThrow("galore: rank is a whole number from 1");
    }
    expect(() => scaleByGalore({ rank: 1, refreshEvery: 0 })).toThrow(
      "galore: refreshEvery is a whole number from 1, not 0",
    );
    const params = { b: tensor([1, 2]) };
    expect(() => scaleByGalore({ rank: 1, isProjected: () => true }).init(params)).toThrow(
      "galore: can project matrices alone, and b has shape [2]",
    );
    const optimizer = chain(scaleByGalore({ rank: 1 }));
    expect(() => optimizer.update(params, optimizer.init(params), params)).toThrow(
      "galore: an update must be told whether it is a refresh",
    );
  });
});

describe("leadingVectors()", () => {
  beforeAll(async () => void await testDevice());

  const values = [5, 3, 2, 1.5, ...Array.from({ length: 60 }, (_, i) => 0.9 * 0.95 ** i)];
  for (const [m, n] of [[70, 64], [96, 90], [80, 130]]) {
    it(`of a matrix of ${m} by ${n} are its singular vectors, with the largest element positive`, async () => {
      const { G, V } = await withValues(Math.max(m, n), Math.min(m, n), values);
      const found = leadingVectors(m >= n ? G : G.transpose(), 3);
      expect(found.shape).toEqual([Math.min(m, n), 3]);
      const data = await found.data();
      for (let column = 0; column < 3; column++) {
        const own = Array.from({ length: found.shape[0] }, (_, row) => data[3 * row + column]);
        const wanted = own.map((_, row) => V[values.length * row + column]);
        const largest = wanted.reduce((best, x) => Math.abs(x) > Math.abs(best) ? x : best, 0);
        expectClose(own, wanted.map((x) => x * Math.sign(largest)), 2e-4);
        expect(Math.max(...own)).toBe(Math.max(...own.map(Math.abs)));
      }
    });
  }

  it("do not depend on how small the gradient is, and are orthonormal where it is 0", async () => {
    for (const [m, n] of [[70, 64], [96, 90]]) {
      const { G } = await withValues(m, n, values);
      const wanted = await leadingVectors(G, 3).data();
      expectClose(await leadingVectors(G.mul(1e-25), 3).data(), wanted, 2e-4);
      const none = leadingVectors(G.mul(0), 3);
      expectClose(await none.matmul(none, { transposeA: true }).data(), [1, 0, 0, 0, 1, 0, 0, 0, 1], 1e-5);
    }
  });

  it("have the same bits every time, and in cells", async () => {
    const { G } = await withValues(80, 70, values);
    const { G: other } = await withValues(80, 70, values.toReversed());
    const vectors = jit((G: Tensor) => leadingVectors(G, 4));
    const once = bits(await (await vectors(G)).data());
    expect(bits(await (await vectors(G)).data())).toEqual(once);
    const together = await jit(vmap((G: Tensor) => leadingVectors(G, 4)))(stack([other, G, other]));
    expect(bits((await together.data()).slice(280, 560))).toEqual(once);
    vectors.dispose();
  });

  it("of several matrices are found together by shape, and have the bits that each has alone", async () => {
    const shapes = [[80, 70], [12, 20], [80, 70], [20, 12], [2, 5]];
    const matrices = shapes.map((shape, i) => random.normal(random.key(i), shape));
    const all = jit((matrices: readonly Tensor[]) => leadingVectorsOfAll(matrices, 4));
    const found = await all(matrices);
    for (const [i, G] of matrices.entries()) {
      const alone = jit((G: Tensor) => leadingVectors(G, Math.min(4, ...shapes[i])));
      expect([i, bits(await found[i].data())]).toEqual([i, bits(await (await alone(G)).data())]);
      alone.dispose();
    }
    all.dispose();
  });
});
