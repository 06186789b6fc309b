import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { crossEntropy, dropout, meanSquaredError } from "../../lib/nn/mod.ts";
import { add, matmul, mul, random, square, sum } from "../../lib/ops/mod.ts";
import { adamw, linearSchedule, type Optimizer, sgd, trace } from "../../lib/optim/mod.ts";
import { full, type FullTrainable, type Method } from "../../lib/peft/mod.ts";
import { type Tensor, tensor, type Tree, treeLeaf, treeMap } from "../../lib/tensor/mod.ts";
import { init, makeAccumulatedStep, makeStep, type StepOptions } from "../../lib/train/mod.ts";
import { testDevice } from "../support/device.ts";
import { expectClose } from "../support/numbers.ts";

interface Points {
  readonly x: Tensor;
  readonly y: Tensor;
}
const POINTS: Points = { x: tensor([[1, 0], [0, 2], [1, 1]]), y: tensor([1, -1, 3]) };
type Options = StepOptions<Points, FullTrainable, Record<string, never>>;

/** One step of a straight line from W = (1, 2): errors (0, 5, 0), mean loss 25/3, gradient (0, 20/3). */
function stepOnce(options: Partial<Options> = {}, batch = POINTS) {
  const method = full();
  const optimizer = sgd({ learningRate: 0.3 });
  const loss: Options["loss"] = (params, { x, y }) => meanSquaredError(matmul(x, params.W as Tensor), y);
  const all: Options = { method, optimizer, loss, ...options };
  const state = init(random.key(0), { W: tensor([[1], [2]]) }, all);
  const [next, metrics] = makeStep(all)(state, batch);
  return { state, next, metrics };
}

describe("makeStep", () => {
  beforeAll(async () => void await testDevice());

  it("steps by the mean loss, and tells it with the gradient's norm and the rate", async () => {
    const { next, metrics } = stepOnce();
    expectClose([await metrics.loss.item()], [25 / 3], 1e-6);
    expectClose([await metrics.gradNorm.item()], [20 / 3], 1e-6);
    expectClose([await metrics.learningRate.item()], [0.3], 1e-6);
    expectClose(await next.trainable.W.data(), [1, 2 - 0.3 * 20 / 3], 1e-6);
    expect(await next.step.item()).toBe(1);
  });

  it("clips all gradients together, and tells the norm before", async () => {
    const { next, metrics } = stepOnce({ clip: 1 });
    expectClose([await metrics.gradNorm.item()], [20 / 3], 1e-6);
    expectClose(await next.trainable.W.data(), [1, 2 - 0.3], 1e-5);
  });

  it("adds the method's penalty to what is minimised, not to the loss it tells", async () => {
    const method: Method<FullTrainable, Record<string, never>> = {
      ...full(),
      penalty: ({ W }) => mul(sum(square(W)), 0.5),
    };
    const { next, metrics } = stepOnce({ method });
    expectClose([await metrics.loss.item()], [25 / 3], 1e-6);
    expectClose(await next.trainable.W.data(), [1 - 0.3 * 1, 2 - 0.3 * (20 / 3 + 2)], 1e-6);
  });

  it("steps on a batch in parts as on the whole: sum over count, and no mean of means", async () => {
    const method: Method<FullTrainable, Record<string, never>> = {
      ...full(),
      penalty: ({ W }) => mul(sum(square(W)), 0.5),
    };
    const optimizer = sgd({ learningRate: 0.3 });
    const loss: Options["loss"] = (params, { x, y }) => meanSquaredError(matmul(x, params.W as Tensor), y);
    const all = { method, optimizer, loss, clip: 5 };
    const state = init(random.key(0), { W: tensor([[1], [2]]) }, all);
    const parts: Points[] = [
      { x: tensor([[1, 0]]), y: tensor([1]) },
      { x: tensor([[0, 2], [1, 1]]), y: tensor([-1, 3]) },
    ];
    const [whole, wanted] = makeStep(all)(state, POINTS);
    const [next, metrics] = makeAccumulatedStep(all)(state, parts);
    expectClose([await metrics.loss.item()], [await wanted.loss.item()], 1e-6);
    expectClose([await metrics.gradNorm.item()], [await wanted.gradNorm.item()], 1e-6);
    expectClose(await next.trainable.W.data(), await whole.trainable.W.data(), 1e-6);
    expect(() => makeAccumulatedStep(all)(state, [])).toThrow("at least one part of a batch");
  });

  it("tells a rate of 0 where the optimizer has none", async () => {
    const { metrics } = stepOnce({ optimizer: trace(0.5) });
    expect(await metrics.learningRate.item()).toBe(0);
  });

  it("stands still on a batch in which nothing counts, and stays finite", async () => {
    const loss: Options["loss"] = (params, { x, y }) => crossEntropy(matmul(x, params.W as Tensor), y);
    const ignored = { x: POINTS.x, y: tensor([-100, -100, -100], { dtype: "i32" }) };
    const { next, metrics } = stepOnce({ loss }, ignored);
    expect([await metrics.loss.item(), await metrics.gradNorm.item()]).toEqual([0, 0]);
    expect(Array.from(await next.trainable.W.data())).toEqual([1, 2]);
  });

  it("gives the loss a key of its own at every step, the same for the same state", async () => {
    const masks: Tensor[] = [];
    const loss: Options["loss"] = (params, { x, y }, key) => {
      masks.push(dropout(tensor(new Float32Array(64).fill(1)), { rate: 0.5, key }));
      return meanSquaredError(matmul(x, params.W as Tensor), y);
    };
    const { next } = stepOnce({ loss });
    stepOnce({ loss });
    const method = full();
    const optimizer: Optimizer = sgd({ learningRate: 0.3 });
    makeStep({ method, optimizer, loss })(next, POINTS);
    const [first, again, second] = await Promise.all(masks.map(async (mask) => Array.from(await mask.data())));
    expect(again).toEqual(first);
    expect(second).not.toEqual(first);
    expect(await next.key.data()).toEqual(await stepOnce().state.key.data());
  });

  it("starts the optimizer's state anew where the method says so", async () => {
    const restarting = (restart: boolean): Method<FullTrainable, Record<string, never>> => ({
      ...full(),
      after: ({ base, trainable, aux }) => ({ base, trainable, aux, restart: tensor(restart) }),
    });
    const optimizer = sgd({ learningRate: 0.3, momentum: 0.9 });
    for (const restart of [true, false]) {
      const { next } = stepOnce({ method: restarting(restart), optimizer });
      const velocity = treeLeaf(next.optimizer, 0, "velocity", "W");
      expectClose(await velocity.data(), restart ? [0, 0] : [0, 20 / 3], 1e-6);
    }
  });

  it("lets the method change moments, and a schedule go on where the optimizer begins anew", async () => {
    const changing: Method<FullTrainable, Record<string, never>> = {
      ...full(),
      after: ({ base, trainable, aux }) => ({
        ...{ base, trainable, aux },
        moments: ([first, second]) => [{ W: mul(first.W, 0.5) }, { W: add(second.W, 7) }],
      }),
    };
    const optimizer = adamw({ learningRate: linearSchedule({ peak: 0.1, total: 10 }) });
    const { next } = stepOnce({ method: changing, optimizer });
    const of = (state: Tree, part: string) => treeLeaf(state, 0, part, "W").data();
    expectClose(await of(next.optimizer, "mu"), [0, 0.5 * 0.1 * 20 / 3], 1e-6);
    expectClose(await of(next.optimizer, "nu"), [7, 7 + 0.001 * (20 / 3) ** 2], 1e-6);
    expect(await treeLeaf(next.optimizer, 0, "count").item()).toBe(1);

    const anew: Method<FullTrainable, Record<string, never>> = {
      ...changing,
      after: (step) => ({ ...changing.after(step), restart: true }),
    };
    const fresh = stepOnce({ method: anew, optimizer }).next.optimizer;
    for (const part of ["mu", "nu"]) expect(await of(fresh, part)).toEqual(Float32Array.of(0, 0));
    const counts = [treeLeaf(fresh, 0, "count"), treeLeaf(fresh, 2, "count")];
    expect(await Promise.all(counts.map((count) => count.item()))).toEqual([0, 1]);
  });

  it("moves what the method's mask names alone: the rest keeps bits and moments, and counts in no norm", async () => {
    // The first of two elements stays: it is −0, which adding 0 would turn into +0.
    const method: Method<FullTrainable, Record<string, never>> = {
      ...full(),
      mask: () => ({ W: tensor([[false], [true]]) }),
    };
    const optimizer = adamw({ learningRate: 0.1, weightDecay: 0.5 });
    const loss: Options["loss"] = (params, { x, y }) => meanSquaredError(matmul(x, params.W as Tensor), y);
    const all = { method, optimizer, loss };
    const start = init(random.key(0), { W: tensor([[-0], [2]]) }, all);
    const [{ count, mu, nu }, decay, rate] = start.optimizer;
    const worn = { count: mul(count, 1), mu: treeMap((m) => add(m, 3), mu), nu: treeMap((v) => add(v, 5), nu) };
    const state: typeof start = { ...start, trainable: { W: tensor([[-0], [2]]) }, optimizer: [worn, decay, rate] };
    const [next, metrics] = makeStep(all)(state, POINTS);
    // Errors are (−1, 5, −1): the second element's gradient is 2/3 · (2·5 − 1).
    const gradient = 2 / 3 * 9;
    expectClose([await metrics.gradNorm.item()], [gradient], 1e-6);
    const W = await next.trainable.W.data();
    expect(Object.is(W[0], -0)).toBe(true);
    expect(W[1]).not.toBe(2);
    const moments = next.optimizer[0];
    expectClose(await treeLeaf(moments.mu, "W").data(), [3, 0.9 * 3 + 0.1 * gradient], 1e-6);
    expectClose(await treeLeaf(moments.nu, "W").data(), [5, 0.999 * 5 + 0.001 * gradient ** 2], 1e-6);
    expect((await treeLeaf(moments.mu, "W").data())[0]).toBe(3);
    expect(await moments.count.item()).toBe(1);
  });

  it("steps each parameter at the method's multiple of the rate, decay included", async () => {
    const rated = (rate: number): Method<FullTrainable, Record<string, never>> => ({
      ...full(),
      rates: () => ({ W: tensor(rate) }),
    });
    const step = async (rate: number, learningRate: number) => {
      const optimizer = sgd({ learningRate, weightDecay: 0.5 });
      return Array.from(await stepOnce({ method: rated(rate), optimizer }).next.trainable.W.data());
    };
    expectClose(await step(4, 0.05), await step(1, 0.2), 1e-6);
    // W = (1, 2), gradient (0, 20/3), decay 0.5: 0.2 of their sum.
    expectClose(await step(4, 0.05), [1 - 0.2 * 0.5, 2 - 0.2 * (20 / 3 + 1)], 1e-6);
  });
});
