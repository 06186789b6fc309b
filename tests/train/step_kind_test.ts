import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { copy, full as filled, matmul, random, stack, zerosLike } from "../../lib/ops/mod.ts";
import { linear, meanSquaredError, type Params } from "../../lib/nn/mod.ts";
import { chain, flora, galore, type Optimizer, scaleByLearningRate, sgd } from "../../lib/optim/mod.ts";
import { dylora, full, type FullTrainable, type Method, relora } from "../../lib/peft/mod.ts";
import { type Tensor, tensor, type Tree, treeLeaves, treeMap } from "../../lib/tensor/mod.ts";
import { init, makeStep, runSteps, type StepKind, stepKinds } from "../../lib/train/mod.ts";
import { jit, vmap } from "../../lib/transform/mod.ts";
import { deviceIdle, testDevice } from "../support/device.ts";
import { bits, Numbers } from "../support/numbers.ts";

interface Points {
  readonly x: Tensor;
  readonly y: Tensor;
}

function pointsAt(index: number): Points {
  const numbers = new Numbers(index + 1);
  const rows = Array.from({ length: 8 }, () => [numbers.next() - 0.5, numbers.next() - 0.5]);
  return { x: tensor(rows), y: tensor(rows.map(([a, b]) => [2 * a - b])) };
}

const loss = (params: Readonly<Record<string, unknown>>, { x, y }: Points) =>
  meanSquaredError(matmul(x, params.W as Tensor), y);

/** Remembers the gradient of a refresh, and goes along it until the next one. */
function steady(refreshEvery: number): Optimizer<{ readonly kept: Tree }> {
  return {
    refreshEvery,
    init: (params) => ({ kept: treeMap(zerosLike, params) }),
    update(grads, { kept }, _, isRefresh) {
      const next = treeMap((g, k) => isRefresh ? g : k, grads, kept);
      return { updates: next, state: { kept: next } };
    },
  };
}

/** Full fine-tuning that counts its periods. */
function counted(period: number): Method<FullTrainable, { readonly periods: Tensor }> {
  return {
    name: "counted",
    period,
    init: (_, base) => ({ trainable: treeMap((x) => copy(x), base), aux: { periods: filled([], 0) } }),
    writes: () => [],
    adapt: (base, trainable) => ({ ...base, ...trainable }),
    after: ({ base, trainable, aux: { periods }, endsPeriod }) => ({
      base,
      trainable,
      aux: { periods: endsPeriod ? periods.add(1) : periods },
    }),
    merge: ({ base, trainable }) => ({ ...base, ...trainable }),
    export: () => {
      throw new Error("it has no adapter");
    },
    describe: () => ({ trainableParameters: 2, totalParameters: 2 }),
  };
}

const optimizer = chain(steady(3), scaleByLearningRate(0.2));
const begin = (seed: number) => init(random.key(seed), { W: tensor([[seed], [0]]) }, { method: counted(2), optimizer });
const parts = { loss, method: counted(2), optimizer };
const kindAt = stepKinds(parts);

describe("stepKinds()", () => {
  it("gives no kind where all steps are alike", () => {
    const alike = stepKinds({ method: full(), optimizer: sgd({ learningRate: 1 }) });
    expect([0, 1, 2, 200].map(alike)).toEqual([undefined, undefined, undefined, undefined]);
  });

  it("refreshes from the first step on, and ends periods behind their last steps", () => {
    const kinds = Array.from({ length: 7 }, (_, step) => kindAt(step)!);
    expect(kinds.map(({ isRefresh }) => isRefresh)).toEqual([true, false, false, true, false, false, true]);
    expect(kinds.map(({ endsPeriod }) => endsPeriod)).toEqual([false, true, false, true, false, true, false]);
    expect(new Set(Array.from({ length: 60 }, (_, step) => kindAt(step))).size).toBe(4);
  });

  it("refuses intervals that are no whole numbers from 1, and parts that refresh at different steps", () => {
    const method = full();
    for (const refreshEvery of [0, -1, 1.5, NaN]) {
      expect(() => stepKinds({ method, optimizer: { refreshEvery } })).toThrow(
        `an optimizer's interval between refreshes is a whole number of steps from 1, not ${refreshEvery}`,
      );
    }
    expect(() => stepKinds({ method: counted(0), optimizer })).toThrow(
      "counted: a period is a whole number of steps from 1",
    );
    expect(() => chain(steady(3), steady(4))).toThrow("chain: all parts refresh at the same steps, not every 3 and 4");
    expect(chain(steady(3), sgd({ learningRate: 1 }), steady(3)).refreshEvery).toBe(3);
    expect("refreshEvery" in chain(sgd({ learningRate: 1 }))).toBe(false);
  });
});

describe("steps of several kinds", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  it("must be told their kind", () => {
    const wrong = () => makeStep(parts)(begin(1), pointsAt(0));
    expect(wrong).toThrow(TypeError);
    expect(wrong).toThrow(
      "a step must be told its kind, as the optimizer refreshes every 3 and counted has periods of 2 steps",
    );
  });

  it("are refused by what refreshes in an optimizer that does not say so", () => {
    const { refreshEvery: _, ...inner } = galore({ learningRate: 0.1, rank: 1 });
    const options = { method: full(), optimizer: inner };
    const state = init(random.key(1), { W: tensor([[1], [0]]) }, options);
    const step = makeStep({ loss, ...options });
    expect(() => step(state, pointsAt(0))).toThrow("galore: an update must be told whether it is a refresh");
    expect(() => step(state, pointsAt(0), kindAt(0))).toThrow("galore: an update must be told whether it is a refresh");
  });

  it("are refused where a method keeps or changes moments, and the optimizer's are not like the trainables", () => {
    const base = { "query.weight": tensor([[1, 2, 3], [4, 5, 6]]) };
    const lowRank = { rank: 1, alpha: 1, targets: ["query"] };
    const plain = dylora({ ...lowRank, rank: 2 });
    const restarted = relora({ ...lowRank, interval: 1 });
    const refused = <Trainable extends Tree, Aux extends Tree>(
      method: Method<Trainable, Aux>,
      optimizer: Optimizer,
    ) => {
      const options = { method, optimizer };
      const own = (params: Params, { x, y }: Points) => meanSquaredError(linear(x, params["query.weight"]), y);
      const points = { x: tensor([[1, 2, 3]]), y: tensor([[1, 2]]) };
      const state = init(random.key(1), base, options);
      return () => makeStep({ loss: own, ...options })(state, points, stepKinds(options)(0));
    };
    const rate = { learningRate: 0.1, rank: 1 };
    for (const optimizer of [galore(rate), flora(rate)]) {
      expect(refused(plain, optimizer)).toThrow("dylora keeps the moments of what a step does not move");
      expect(refused(restarted, optimizer)).toThrow("relora changes moments after a step");
    }
    expect(refused(restarted, sgd({ learningRate: 0.1, momentum: 0.9 }))).not.toThrow();
  });

  it("are a program each, follow the steps that are not compiled, and create nothing once each was there", async () => {
    const device = await testDevice();
    const step = jit(makeStep(parts), { donate: [0] });
    const counted = new Map<number, readonly number[]>();
    const { state } = await runSteps(step, begin(1), pointsAt, {
      steps: 24,
      kindAt,
      onState: (index) => void counted.set(index, [device.counters().pipelines, device.memory().liveBytes]),
    });
    expect(step.plans()).toHaveLength(4);
    expect(counted.get(23)).toEqual(counted.get(11));
    step.dispose();
    expect(await state.aux.periods.item()).toBe(12);
    let plain = begin(1);
    let kept = [0, 0];
    const W = [1, 0];
    for (let i = 0; i < 24; i++) {
      const { x, y } = pointsAt(i);
      if (i % 3 === 0) {
        const [a, b] = [await x.data(), await y.data()];
        kept = [0, 0];
        b.forEach((wanted, row) => {
          const error = a[2 * row] * W[0] + a[2 * row + 1] * W[1] - wanted;
          kept = kept.map((sum, j) => sum + 2 * error * a[2 * row + j] / b.length);
        });
      }
      W.forEach((_, j) => W[j] -= 0.2 * kept[j]);
      [plain] = makeStep(parts)(plain, { x, y }, kindAt(i));
    }
    const data = await state.trainable.W.data();
    W.forEach((wanted, j) => expect(Math.abs(data[j] - wanted)).toBeLessThan(1e-5));
    expect(Math.abs((await plain.trainable.W.data())[0] - W[0])).toBeLessThan(1e-5);
  });

  it("go on from any step to the bits of the whole run", async () => {
    const step = jit(makeStep(parts), { donate: [0] });
    const dataOf = async (state: ReturnType<typeof begin>) =>
      await Promise.all(treeLeaves(state).map(async (leaf) => bits(await leaf.data())));
    const whole = await dataOf((await runSteps(step, begin(1), pointsAt, { steps: 8, kindAt })).state);
    for (const start of [1, 2, 3, 5]) {
      const { state: first } = await runSteps(step, begin(1), pointsAt, { steps: start, kindAt });
      // As a state that was written and read again, whose memory is none of the step's.
      const leaves = await Promise.all(treeLeaves(first).map(async (leaf) => (await leaf.data()).slice()));
      let at = 0;
      const again = treeMap(({ shape, dtype }) => tensor(leaves[at++], { shape, dtype }), first);
      const { state } = await runSteps(step, again, pointsAt, { steps: 8, start, kindAt });
      expect(await dataOf(state)).toEqual(whole);
    }
    step.dispose();
  });

  it("have the bits of a run alone in cells, whose program is of one kind at a time", async () => {
    const one = makeStep(parts);
    const cells = jit(
      (state: ReturnType<typeof begin>, batch: Points, kind?: StepKind) =>
        vmap((state: ReturnType<typeof begin>, batch: Points) => one(state, batch, kind))(state, batch),
      { donate: [0] },
    );
    const together = treeMap((...own: readonly Tensor[]) => stack(own), begin(1), begin(2), begin(3));
    const batchAt = (index: number) => {
      const [first, ...others] = [0, 1, 2].map((cell) => pointsAt(index + 100 * cell));
      return treeMap((...own: readonly Tensor[]) => stack(own), first, ...others);
    };
    let [state, [alone]] = [together, [begin(2)]];
    const step = jit(one, { donate: [0] });
    for (let i = 0; i < 7; i++) {
      [state] = await cells(state, batchAt(i), kindAt(i));
      [alone] = await step(alone, pointsAt(i + 100), kindAt(i));
    }
    const own = bits(await alone.trainable.W.data());
    expect(bits((await state.trainable.W.data()).slice(2, 4))).toEqual(own);
    cells.dispose();
    step.dispose();
  });
});
