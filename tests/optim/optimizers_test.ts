import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { add, cast, full, mul, select, square, sub, sum } from "../../lib/ops/mod.ts";
import {
  adamw,
  addDecayedWeights,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  clipToNorm,
  cosineSchedule,
  linearSchedule,
  type Optimizer,
  scaleByAdam,
  scaleByLearningRate,
  sgd,
  trace,
} from "../../lib/optim/mod.ts";
import { type Tensor, tensor, type Tree, treeLeaves, treeMap } from "../../lib/tensor/mod.ts";
import { grad, jit } from "../../lib/transform/mod.ts";
import fixture from "../fixtures/optim.json" with { type: "json" };
import { testDevice } from "../support/device.ts";
import { expectClose } from "../support/numbers.ts";

const { shapes, warmup, total } = fixture;
type Flat = Readonly<Record<"weight" | "bias", readonly number[]>>;
const treeOf = (flat: Flat) => ({
  weight: tensor(flat.weight, { shape: shapes.weight }),
  bias: tensor(flat.bias, { shape: shapes.bias }),
});
const options = { peak: 0.1, warmup, total };

/** The optimizers of the fixture under the names that it has for them. */
const RUNS: Readonly<Record<keyof typeof fixture.runs, Optimizer>> = {
  "adamw": adamw({ learningRate: 0.1 }),
  "adamw with weight decay": adamw({ learningRate: 0.1, weightDecay: 0.2 }),
  "adamw with other decays and epsilon": adamw({ learningRate: 0.1, beta1: 0.7, beta2: 0.95, epsilon: 0.01 }),
  "adamw with clipping": chain(
    clipByGlobalNorm(1),
    adamw({ learningRate: 0.1, weightDecay: 0.2 }),
  ),
  "adamw with a linear schedule": adamw({ learningRate: linearSchedule(options), weightDecay: 0.2 }),
  "sgd": sgd({ learningRate: 0.1 }),
  "sgd with momentum": sgd({ learningRate: 0.1, momentum: 0.9 }),
  "sgd with weight decay": sgd({ learningRate: 0.1, weightDecay: 0.2 }),
  "sgd with momentum and weight decay": sgd({ learningRate: 0.1, momentum: 0.9, weightDecay: 0.2 }),
  "sgd with momentum, clipping and a cosine schedule": chain(
    clipByGlobalNorm(1.5),
    sgd({ learningRate: cosineSchedule(options), momentum: 0.5 }),
  ),
};

/** One step of an optimizer as a jitted function. */
function stepOf<Params extends Tree, State extends Tree>(optimizer: Optimizer<State>, _like: Params) {
  return jit((params: Params, state: State, grads: Params): [Params, State] => {
    const { updates, state: next } = optimizer.update(grads, state, params);
    return [applyUpdates(params, updates), next];
  });
}

type Point = Readonly<Record<"bowl" | "valley", Tensor>>;

/** A bowl and a bent valley (Rosenbrock's, less steep): every optimizer must arrive at (1, −2, 3) and (1, 1). */
function smallProblems({ bowl, valley }: Point): Tensor {
  const depth = sum(mul(square(sub(bowl, tensor([1, -2, 3]))), tensor([1, 0.5, 2])));
  const [a, b] = [select(valley, { axis: 0, index: 0 }), select(valley, { axis: 0, index: 1 })];
  return add(depth, add(square(sub(1, a)), square(sub(b, square(a)))));
}

describe("optimizers", () => {
  beforeAll(async () => void await testDevice());

  for (const [name, optimizer] of Object.entries(RUNS) as [keyof typeof RUNS, Optimizer][]) {
    it(`${name} follows PyTorch step by step, and compiles at its first step alone`, async () => {
      const device = await testDevice();
      let params = treeOf(fixture.params);
      const step = stepOf(optimizer, params);
      let state = optimizer.init(params);
      let compiled = 0;
      for (let i = 0; i < fixture.grads.length; i++) {
        [params, state] = await step(params, state, treeOf(fixture.grads[i]));
        const wanted = fixture.runs[name].after[i];
        expectClose(await params.weight.data(), wanted.weight, 2e-6);
        expectClose(await params.bias.data(), wanted.bias, 2e-6);
        if (i === 0) compiled = device.counters().pipelines;
      }
      expect(device.counters().pipelines).toBe(compiled);
      expect(step.plans()).toHaveLength(1);
      step.dispose();
    });

    it(`${name} changes nothing that it is given`, async () => {
      const [params, grads] = [treeOf(fixture.params), treeOf(fixture.grads[0])];
      const state = optimizer.init(params);
      const inputs = treeLeaves([params, grads, state]);
      const before = await Promise.all(inputs.map((x) => x.data()));
      const { updates } = optimizer.update(grads, state, params);
      await Promise.all(treeLeaves(updates).map((x) => x.data()));
      expect(await Promise.all(inputs.map((x) => x.data()))).toEqual(before);
    });
  }

  const rate = cosineSchedule({ peak: 0.2, total: 160 });
  const SETTLING: Readonly<Record<string, Optimizer>> = {
    "adamw": adamw({ learningRate: rate }),
    "adamw with clipping": chain(clipByGlobalNorm(1), adamw({ learningRate: rate })),
    "sgd": sgd({ learningRate: 0.1 }),
    "sgd with momentum": sgd({ learningRate: 0.03, momentum: 0.7 }),
  };
  for (const [name, optimizer] of Object.entries(SETTLING)) {
    it(`${name} comes to the lowest point of a bowl and of a bent valley`, async () => {
      const step = jit((x: Point, state: Tree): [Point, Tree] => {
        const { updates, state: next } = optimizer.update(grad(smallProblems)(x), state, x);
        return [applyUpdates(x, updates), next];
      }, { donate: [0, 1] });
      let x: Point = { bowl: tensor([0, 0, 0]), valley: tensor([-0.5, 0.5]) };
      let state = optimizer.init(x);
      for (let i = 0; i < 160; i++) [x, state] = await step(x, state);
      expectClose(await x.bowl.data(), [1, -2, 3], 0.02);
      expectClose(await x.valley.data(), [1, 1], 0.02);
      step.dispose();
    });
  }
});

describe("adamw", () => {
  beforeAll(async () => void await testDevice());

  it("has PyTorch's parameter after hundreds of steps, bias corrections included", async () => {
    const optimizer = adamw({ learningRate: 0.01 });
    let params = tensor([0]);
    const step = stepOf(optimizer, params);
    let state = optimizer.init(params);
    const found: number[] = [];
    for (let t = 1; t <= 300; t++) {
      [params, state] = await step(params, state, tensor([((t * 7919) % 64) / 32 - 0.75]));
      if (t in fixture.long) found.push(await params.item());
    }
    const wanted = Object.values(fixture.long);
    found.forEach((value, i) => expect(Math.abs(value / wanted[i] - 1)).toBeLessThan(1e-5));
    step.dispose();
  });

  it("corrects the bias of its moments to the last digits, for every decay and at every step", async () => {
    for (const beta of [0, 0.5, 0.9, 0.999, 0.9999]) {
      for (const t of [1, 2, 30, 20_000]) {
        const optimizer = scaleByAdam({ beta1: beta, beta2: 0, epsilon: 0 });
        // With a first moment of 1 and a second of 1, the update is 1 / (1 − βᵗ).
        const state = { count: tensor(t - 1, { dtype: "i32" }), mu: tensor([1]), nu: tensor([1]) };
        const { updates } = optimizer.update(tensor([1]), state, tensor([0]));
        const wanted = 1 / -Math.expm1(t * Math.log(beta));
        expect(Math.abs(await updates.item() / wanted - 1)).toBeLessThan(3e-7);
      }
    }
  });

  it("moves every parameter by the learning rate at its first step, whatever the gradient's size", async () => {
    const grads = [1e-6, -1e-3, 1, 1e6];
    const optimizer = adamw({ learningRate: 0.5, epsilon: 1e-12 });
    const params = tensor([0, 0, 0, 0]);
    const { updates } = optimizer.update(tensor(grads), optimizer.init(params), params);
    expectClose(await updates.data(), grads.map((g) => -0.5 * Math.sign(g)), 1e-5);
  });

  it("lets decay only what its mask names", async () => {
    const params = { weight: tensor([[2, 4]]), bias: tensor([2]) };
    const optimizer = adamw({ learningRate: 0.1, weightDecay: 0.5, decayMask: ({ rank }) => rank > 1 });
    const zero = treeMap((p) => mul(p, 0), params);
    const { updates } = optimizer.update(zero, optimizer.init(params), params);
    expectClose(await updates.weight.data(), [-0.1, -0.2]);
    expectClose(await updates.bias.data(), [0]);
  });

  it("refuses decays of its moments that are none", () => {
    for (const beta1 of [1, -0.1, NaN]) {
      expect(() => scaleByAdam({ beta1 })).toThrow(`scaleByAdam: beta1 lies in [0, 1), not ${beta1}`);
    }
    expect(() => adamw({ learningRate: 1, beta2: 1 })).toThrow("scaleByAdam: beta2 lies in [0, 1), not 1");
  });
});

describe("parts of optimizers", () => {
  beforeAll(async () => void await testDevice());

  it("chain hands the updates of one part to the next, and keeps their states apart", async () => {
    const optimizer = chain(
      trace(0.5),
      addDecayedWeights(0.1),
      scaleByLearningRate(2),
    );
    const params = tensor([10]);
    let state = optimizer.init(params);
    const found: number[] = [];
    for (const g of [1, 1, 0]) {
      const step = optimizer.update(tensor([g]), state, params);
      state = step.state;
      found.push(await step.updates.item());
    }
    // v = 1, 1.5, 0.75; the update is −2·(v + 0.1·10).
    expectClose(found, [-4, -5, -3.5]);
  });

  it("chain tells the learning rate of the part that has one, and none where no part has", async () => {
    const optimizer = chain(trace(0.5), scaleByLearningRate((step) => cast(step, "f32")));
    const params = tensor([1]);
    let state = optimizer.init(params);
    expect(await optimizer.learningRate!(state)!.item()).toBe(0);
    state = optimizer.update(params, state, params).state;
    expect(await optimizer.learningRate!(state)!.item()).toBe(1);
    expect(chain(trace(0.5)).learningRate!([{ velocity: {} }])).toBeUndefined();
  });

  it("applyUpdates adds leaf by leaf, and names a place that differs", async () => {
    const sum = applyUpdates({ a: [tensor([1])] }, { a: [tensor([2])] });
    expect(await sum.a[0].item()).toBe(3);
    // @ts-expect-error -- the compiler sees it, too
    expect(() => applyUpdates({ a: full([1], 1) }, { b: full([1], 1) })).toThrow("trees differ at their root");
  });

  it("clipping keeps the direction, tells the norm before, and leaves short gradients alone", async () => {
    for (let i = 0; i < fixture.grads.length; i++) {
      const grads = treeOf(fixture.grads[i]);
      const { clipped, norm } = clipToNorm(grads, 2);
      const wanted = fixture.runs["adamw"].norms[i];
      expectClose([await norm.item()], [wanted], 1e-6);
      const factor = Math.min(1, 2 / (wanted + 1e-6));
      expectClose(await clipped.weight.data(), fixture.grads[i].weight.map((g) => g * factor), 1e-6);
      expectClose(await clipped.bias.data(), fixture.grads[i].bias.map((g) => g * factor), 1e-6);
    }
    const zero = clipToNorm(tensor([0, 0]), 1);
    expect(Array.from(await zero.clipped.data())).toEqual([0, 0]);
  });

  it("clipping gives NaN on for gradients that are not finite, so that nobody takes them for good ones", async () => {
    const { clipped, norm } = clipToNorm({ a: tensor([1, NaN]), b: tensor([2]) }, 1);
    expect(await norm.item()).toBeNaN();
    expect(await clipped.b.item()).toBeNaN();
  });
});
