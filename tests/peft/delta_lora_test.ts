import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { Matrix, SVD } from "ml-matrix";
import { addLowRank, matmul, random, sub, zeros } from "../../lib/ops/mod.ts";
import { adamw, sgd } from "../../lib/optim/mod.ts";
import { deltaLora, type DeltaLoraOptions, deltaLoraUpdate, lora, scaledLora } from "../../lib/peft/mod.ts";
import { type Tensor, tensor, treeDispose, treeLeaves } from "../../lib/tensor/mod.ts";
import { linearSchedule } from "../../lib/optim/mod.ts";
import { collectGarbage } from "../support/collect_garbage.ts";
import { testDevice } from "../support/device.ts";
import { bits, expectClose, Numbers, worstError } from "../support/numbers.ts";
import { TARGETS, tinyBase, tinyBatch, tinyModel, trainTiny } from "../support/tiny.ts";

const QUERY = "bert.encoder.layer.0.attention.self.query";
const QUERY_WEIGHT = `${QUERY}.weight`;
const OPTIONS: DeltaLoraOptions = { rank: 4, alpha: 8, lambda: 2, startStep: 3, targets: TARGETS };
/** AdamW without the ε that would see the scale of gradients. */
const scaleFree = () => adamw({ learningRate: 3e-3, weightDecay: 0.01, epsilon: 1e-14 });

function plainProblem() {
  const numbers = new Numbers(4);
  const optimizer = adamw({ learningRate: 0.01, weightDecay: 0.1 });
  const [A, B, W] = [numbers.tensor([4, 12]), numbers.tensor([8, 4]), numbers.tensor([8, 12])];
  const grads = { A: numbers.tensor([4, 12]), B: numbers.tensor([8, 4]) };
  return { A, B, W, grads, optimizer, moments: optimizer.init({ A, B }) };
}

describe("deltaLoraUpdate", () => {
  beforeAll(async () => void await testDevice());

  it("changes nothing that is passed in", async () => {
    const { A, B, W, grads, optimizer, moments } = plainProblem();
    const inputs = [A, B, W, grads.A, grads.B, ...treeLeaves(moments)];
    const before = await Promise.all(inputs.map((x) => x.data()));
    const options = { optimizer, alpha: 8, lambda: 2, startStep: -1 };
    const { state, deltaW } = deltaLoraUpdate({ A, B, optimizer: moments, step: 0 }, grads, options);
    await addLowRank(W, deltaW!).data();
    await state.A.data();
    const after = await Promise.all(inputs.map((x) => x.data()));
    after.forEach((data, i) => expect(bits(data)).toEqual(bits(before[i])));
  });

  for (const startStep of [-1, 0, 3]) {
    it(`moves W from update ${startStep + 1} on, and not before, with a step that is a number (K = ${startStep})`, () => {
      const { A, B, grads, optimizer, moments } = plainProblem();
      for (let step = 0; step < 6; step++) {
        const options = { optimizer, alpha: 8, lambda: 2, startStep };
        const { state, deltaW } = deltaLoraUpdate({ A, B, optimizer: moments, step }, grads, options);
        expect(deltaW !== undefined).toBe(step > startStep);
        expect(state.step).toBe(step + 1);
      }
    });

    it(`keeps W's bits while step ≤ K with a step that is a tensor (K = ${startStep})`, async () => {
      const { A, B, W, grads, optimizer, moments } = plainProblem();
      for (let step = 0; step < 6; step++) {
        const given = tensor(step, { dtype: "i32" });
        const options = { optimizer, alpha: 8, lambda: 2, startStep };
        const { deltaW } = deltaLoraUpdate({ A, B, optimizer: moments, step: given }, grads, options);
        const next = bits(await addLowRank(W, deltaW!).data());
        const same = next.join() === bits(await W.data()).join();
        expect(same).toBe(step <= startStep);
      }
    });
  }

  it("gives λ·(α/r)·(B′A′ − BA), formed in float64", async () => {
    const { A, B, grads, optimizer, moments } = plainProblem();
    const options = { optimizer, alpha: 8, lambda: 2, startStep: -1 };
    const { state, deltaW } = deltaLoraUpdate({ A, B, optimizer: moments, step: 0 }, grads, options);
    const product = (b: ArrayLike<number>, a: ArrayLike<number>, r: number) =>
      Array.from({ length: 8 * 12 }, (_, i) => {
        let sum = 0;
        for (let k = 0; k < r; k++) sum += b[Math.floor(i / 12) * r + k] * a[k * 12 + i % 12];
        return sum;
      });
    const change = addLowRank(zeros([8, 12]), deltaW!);
    const [a0, b0, a1, b1, got] = await Promise.all([A, B, state.A, state.B, change].map((x) => x.data()));
    const [before, after] = [product(b0, a0, 4), product(b1, a1, 4)];
    // λ·α/r = 4; what is rounded is the step, not the product: no digits cancel.
    expectClose(got, before.map((x, i) => 4 * (after[i] - x)), 1e-5);
  });
});

describe("deltaLora", () => {
  beforeAll(async () => void await testDevice());

  for (const startStep of [-1, 0, 3]) {
    it(`writes W from update ${startStep + 1} on and counts its writes (K = ${startStep})`, async () => {
      const base = tinyBase();
      const first = bits(await base[QUERY_WEIGHT].data());
      const method = deltaLora({ ...OPTIONS, startStep, write: "in-place" });
      let last = first.join();
      await trainTiny(method, {
        steps: 6,
        base,
        onStep: async (step, state) => {
          const now = bits(await state.base[QUERY_WEIGHT].data()).join();
          expect(now !== last).toBe(step > startStep);
          last = now;
          expect(await method.writeCount!(state).item()).toBe(Math.max(0, step - startStep));
        },
      });
      expect(bits(await base[QUERY_WEIGHT].data())).toEqual(first);
    });
  }

  it("writes to the bit what deltaLoraUpdate gives, with a scale that is no power of two, and before K nothing", async () => {
    const { A, B, W, grads, optimizer, moments } = plainProblem();
    const method = deltaLora({ rank: 4, alpha: 6, lambda: 0.3, startStep: 2, targets: ["q"], write: "in-place" });
    const base = { "q.weight": W };
    const { aux } = method.init(random.key(0), base);
    const { updates } = optimizer.update(grads, moments, { A, B });
    for (const count of [2, 3]) {
      const step = tensor(count, { dtype: "i32" });
      const options = { optimizer, alpha: 6, lambda: 0.3, startStep: 2 };
      const { state, deltaW } = deltaLoraUpdate({ A, B, optimizer: moments, step }, grads, options);
      const trees = [{ A, B }, { A: state.A, B: state.B }, updates, grads].map((q) => ({ factors: { q }, heads: {} }));
      const [before, trainable, moved, slopes] = trees;
      const after = method.after({ base, before, trainable, updates: moved, grads: slopes, aux, step });
      const written = bits(await after.base["q.weight"].data());
      expect(written).toEqual(bits(await addLowRank(W, deltaW!).data()));
      expect(written.join() === bits(await W.data()).join()).toBe(count === 2);
      const { deltaW: counted } = deltaLoraUpdate({ A, B, optimizer: moments, step: count }, grads, options);
      expect(counted ? bits(await addLowRank(W, counted).data()) : bits(await W.data())).toEqual(written);
    }
  });

  it("in place and telescoped are equal over a run", async () => {
    const run = async (write: "in-place" | "telescoped") => {
      const method = deltaLora({ ...OPTIONS, write });
      const { state, losses } = await trainTiny(method, { steps: 20, clip: 1 });
      return { losses, W: await method.merge(state)[QUERY_WEIGHT].data() };
    };
    const [inPlace, telescoped] = [await run("in-place"), await run("telescoped")];
    expectClose(telescoped.losses, inPlace.losses, 1e-4);
    expectClose(telescoped.W, inPlace.W, 1e-4);
  });

  it("is LoRA at (1 + λ)·α for K = −1 with AdamW", async () => {
    const delta = deltaLora({ ...OPTIONS, startStep: -1, write: "in-place" });
    const control = scaledLora({ rank: 4, alpha: 8, lambda: 2, targets: TARGETS });
    const one = await trainTiny(delta, { steps: 20, optimizer: scaleFree() });
    const other = await trainTiny(control, { steps: 20, optimizer: scaleFree() });
    expectClose(one.losses, other.losses, 1e-3);
    expectClose(
      await delta.merge(one.state)[QUERY_WEIGHT].data(),
      await control.merge(other.state)[QUERY_WEIGHT].data(),
      1e-3,
    );
  });

  it("is not LoRA at (1 + λ)·α with SGD, which sees the scale of gradients", async () => {
    const delta = deltaLora({ ...OPTIONS, startStep: -1, write: "in-place" });
    const control = scaledLora({ rank: 4, alpha: 8, lambda: 2, targets: TARGETS });
    const optimizer = sgd({ learningRate: 2 });
    const one = await trainTiny(delta, { steps: 20, optimizer });
    const other = await trainTiny(control, { steps: 20, optimizer });
    expect(worstError(one.losses, other.losses)).toBeGreaterThan(1e-2);
  });

  it("changes W by a matrix of rank ≤ 2r, by its singular values", async () => {
    const base = tinyBase();
    const method = deltaLora({ ...OPTIONS, write: "in-place" });
    const { state } = await trainTiny(method, { steps: 30, base });
    const change = await sub(state.base[QUERY_WEIGHT], base[QUERY_WEIGHT]).data();
    const rows = (data: ArrayLike<number>) => Matrix.from1DArray(32, 32, Array.from(data));
    const singular = new SVD(rows(change)).diagonal;
    const norm = new SVD(rows(await state.base[QUERY_WEIGHT].data())).diagonal[0];
    const writes = await method.writeCount!(state).item();
    expect(writes).toBe(26);
    const floor = 8 * 2 ** -23 * Math.sqrt(writes) * norm;
    const rank = singular.filter((value) => value > floor).length;
    expect(rank).toBeGreaterThan(0);
    expect(rank).toBeLessThanOrEqual(8);
  });

  it("has no gradient, moment or copy of W: what a step needs is within 5 % of LoRA's", async () => {
    const device = await testDevice();
    const measure = async (method: Parameters<typeof trainTiny>[0]) => {
      let storage = 0;
      let peak = 0;
      await collectGarbage(); // of other tests: it would count as live
      const { state } = await trainTiny(method, {
        steps: 6,
        onStep: async (step, state) => {
          if (step === 2) {
            await device.done();
            device.resetPeak();
          }
          storage = treeLeaves({ ...state, base: {} }).reduce((sum, { size }) => sum + 4 * size, 0);
          if (step === 5) peak = device.memory().peakBytes;
        },
      });
      treeDispose(state);
      return { storage, peak };
    };
    // Twice each, so that what lies in pools is alike.
    const methods = () => [lora({ rank: 4, alpha: 8, targets: TARGETS }), deltaLora({ ...OPTIONS, write: "in-place" })];
    for (const method of methods()) await measure(method as Parameters<typeof trainTiny>[0]);
    const results = [];
    for (const method of methods()) results.push(await measure(method as Parameters<typeof trainTiny>[0]));
    const [plain, delta] = results;
    expect(delta.peak / plain.peak).toBeLessThanOrEqual(1.05);
    // Beside the factors and their moments, only the pair at which the telescope begins: a third of LoRA's at most.
    expect(delta.storage / plain.storage).toBeLessThanOrEqual(4 / 3);
    const sizes = treeLeaves(
      (await trainTiny(deltaLora({ ...OPTIONS, write: "in-place" }), { steps: 1 })).state.trainable.factors,
    );
    expect(sizes.every(({ size }) => size < 32 * 32)).toBe(true);
  });

  it("merged weights give the logits of the adapted model, before and after W moved", async () => {
    for (const write of ["in-place", "telescoped"] as const) {
      for (const steps of [3, 10]) {
        const method = deltaLora({ ...OPTIONS, write });
        const { state } = await trainTiny(method, { steps });
        const batch = tinyBatch(99);
        const adapted = await tinyModel.apply(method.adapt(state.base, state.trainable, state.aux), batch).data();
        expectClose(await tinyModel.apply(method.merge(state), batch).data(), adapted, 1e-5);
      }
    }
  });

  it("exports the whole change as an adapter of rank 2r on the untouched base", async () => {
    for (const write of ["in-place", "telescoped"] as const) {
      const base = tinyBase();
      const method = deltaLora({ ...OPTIONS, write });
      const { state } = await trainTiny(method, { steps: 10, base });
      const { config, tensors } = method.export(state);
      expect(config).toMatchObject({ peft_type: "LORA", r: 8, lora_alpha: 16 });
      const prefix = `base_model.model.${QUERY}`;
      const [A, B] = [tensors[`${prefix}.lora_A.weight`], tensors[`${prefix}.lora_B.weight`]];
      expect(A.shape).toEqual([8, 32]);
      const rebuilt = addLowRank(base[QUERY_WEIGHT], { left: B, right: A, scale: 2 });
      expectClose(await rebuilt.data(), await method.merge(state)[QUERY_WEIGHT].data(), 1e-5);
    }
  });

  it("refuses dropout in the branch and says why", () => {
    expect(() => deltaLora({ ...OPTIONS, dropout: 0.1 })).toThrow("the gradients of W and of B·A differ");
  });

  it("refuses a scheduled λ in telescoped form", () => {
    const lambda = linearSchedule({ peak: 2, total: 10 });
    expect(() => deltaLora({ ...OPTIONS, lambda, write: "telescoped" })).toThrow("does not telescope");
    expect(() => deltaLora({ ...OPTIONS, lambda })).not.toThrow();
  });

  it("names the nearest paths where a pattern matches nothing", () => {
    const method = deltaLora({ ...OPTIONS, targets: /attention\.qurey$/ });
    expect(() => method.init(random.key(0), tinyBase())).toThrow(
      /matches none of 14 linear layers: nearest are .*query/,
    );
  });

  it("gives the same bits twice", async () => {
    const run = async () => {
      const method = deltaLora({ ...OPTIONS, write: "in-place" });
      const { state, losses } = await trainTiny(method, { steps: 8 });
      return [...bits(losses), ...bits(await (state.base[QUERY_WEIGHT] as Tensor).data())];
    };
    expect(await run()).toEqual(await run());
  });

  it("is differentiable through the projection as through a dense product", async () => {
    const numbers = new Numbers(9);
    const [W, left, right, x] = [
      numbers.tensor([8, 12]),
      numbers.tensor([8, 2]),
      numbers.tensor([2, 12]),
      numbers.tensor([5, 12]),
    ];
    const { LowRankWeight } = await import("../../lib/peft/mod.ts");
    const sparse = new LowRankWeight(W, [{ left, right, scale: 0.5 }]).project(x);
    const dense = matmul(x, addLowRank(W, { left, right, scale: 0.5 }), { transposeB: true });
    expectClose(await sparse.data(), await dense.data());
  });
});
