import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { addLowRank, random } from "../../lib/ops/mod.ts";
import { adamw, sgd } from "../../lib/optim/mod.ts";
import { deltaLora, type Factors, lora, scaledLora } from "../../lib/peft/mod.ts";
import { init, makeStep } from "../../lib/train/mod.ts";
import { testDevice } from "../support/device.ts";
import { bits, expectClose } from "../support/numbers.ts";
import { layerLoss, oneLayer, QUERY } from "../support/one_layer.ts";
import { TARGETS, tinyBatch, tinyModel, trainTiny } from "../support/tiny.ts";

const K = 3;
const LAMBDA = 2;
const SHARED = { rank: 4, alpha: 8, targets: TARGETS };
const OPTIONS = { ...SHARED, lambda: LAMBDA, startStep: K };
const PATH = "bert.encoder.layer.0.attention.self.query";
const WEIGHT = `${PATH}.weight`;

/** B·A times a number, row by row. */
async function product({ A, B }: Factors, scale: number): Promise<number[]> {
  const [a, b] = [await A.data(), await B.data()];
  const [r, n] = A.shape;
  return Array.from({ length: B.shape[0] * n }, (_, i) => {
    let sum = 0;
    for (let k = 0; k < r; k++) sum += b[Math.floor(i / n) * r + k] * a[k * n + i % n];
    return scale * sum;
  });
}

describe("scaledLora", () => {
  beforeAll(async () => void await testDevice());

  it("weighs the product α/r up to update K and (1 + λ)·α/r from then on, in the same compiled step", async () => {
    const method = scaledLora(OPTIONS);
    let first: Float32Array | undefined;
    await trainTiny(method, {
      steps: 8,
      onStep: async (step, state) => {
        first ??= await state.base[WEIGHT].data() as Float32Array;
        const scale = step >= K ? (1 + LAMBDA) * 2 : 2;
        expect(await state.aux.scale!.item()).toBe(scale);
        const change = await product(state.trainable.factors[PATH], scale);
        expectClose(await method.merge(state)[WEIGHT].data(), change.map((x, i) => x + first![i]), 1e-5);
      },
    });
  });

  it("is LoRA's bits up to update K, and LoRA at (1 + λ)·α for K = −1", async () => {
    const factorsAt = async (method: Parameters<typeof trainTiny>[0], steps: number) => {
      const { state } = await trainTiny(method, { steps });
      const { factors } = state.trainable as { factors: Record<string, Factors> };
      return bits(await factors[PATH].B.data());
    };
    expect(await factorsAt(scaledLora(OPTIONS) as Parameters<typeof trainTiny>[0], K + 1))
      .toEqual(await factorsAt(lora(SHARED) as Parameters<typeof trainTiny>[0], K + 1));
    const grown = lora({ ...SHARED, alpha: (1 + LAMBDA) * SHARED.alpha });
    expect(await factorsAt(scaledLora({ ...OPTIONS, startStep: -1 }) as Parameters<typeof trainTiny>[0], 6))
      .toEqual(await factorsAt(grown as Parameters<typeof trainTiny>[0], 6));
  });

  it("is Delta-LoRA once its jump λ·(α/r)·B_{K+1}A_{K+1} is taken out and its gradients' scale is divided away", async () => {
    const { base, points } = oneLayer();
    const rate = 0.05;
    const options = { rank: 2, alpha: 4, targets: /query$/, heads: /^none$/, lambda: LAMBDA, startStep: K };
    // Gradients of the factors are 1 + λ times Delta-LoRA's from update K + 1 on.
    const slower = sgd({ learningRate: rate / (1 + LAMBDA) });
    const plain = sgd({ learningRate: rate });
    const delta = deltaLora({ ...options, write: "in-place" });
    const control = scaledLora(options);
    let one = init(random.key(2), base, { method: delta, optimizer: plain });
    let other = init(random.key(2), base, { method: control, optimizer: plain });
    for (let step = 0; step < 8; step++) {
      [one] = makeStep({ loss: layerLoss, method: delta, optimizer: plain })(one, points);
      const optimizer = step <= K ? plain : slower;
      [other] = makeStep({ loss: layerLoss, method: control, optimizer })(other, points);
      if (step === K) {
        const { A, B } = other.trainable.factors[QUERY];
        const W = addLowRank(other.base[`${QUERY}.weight`], { left: B, right: A, scale: -LAMBDA * 2 });
        other = { ...other, base: { ...other.base, [`${QUERY}.weight`]: W } };
      }
    }
    const [own, others] = [delta.merge(one), control.merge(other)].map((params) => params[`${QUERY}.weight`]);
    expectClose(await others.data(), await own.data(), 1e-5);
    const { A, B } = one.trainable.factors[QUERY];
    expectClose(await other.trainable.factors[QUERY].B.data(), await B.data(), 1e-5);
    expectClose(await other.trainable.factors[QUERY].A.data(), await A.data(), 1e-5);
    // and it did move from where it was at K + 1, or equality says nothing
    const moved = await product(one.trainable.factors[QUERY], 2);
    expect(Math.max(...moved.map(Math.abs))).toBeGreaterThan(1e-2);
  });

  it("exports what it merges to, before and after the switch", async () => {
    for (const steps of [K, K + 3]) {
      const method = scaledLora(OPTIONS);
      const { state } = await trainTiny(method, { steps, optimizer: adamw({ learningRate: 3e-3 }) });
      const { config, tensors } = method.export(state);
      expect(config).toMatchObject({ peft_type: "LORA", r: 4, lora_alpha: 8 });
      const prefix = `base_model.model.${PATH}`;
      const [A, B] = [tensors[`${prefix}.lora_A.weight`], tensors[`${prefix}.lora_B.weight`]];
      const rebuilt = addLowRank(state.base[WEIGHT], { left: B, right: A, scale: 2 });
      const merged = method.merge(state);
      expectClose(await rebuilt.data(), await merged[WEIGHT].data(), 1e-5);
      const batch = tinyBatch(99);
      const adapted = await tinyModel.apply(method.adapt(state.base, state.trainable, state.aux), batch).data();
      expectClose(await tinyModel.apply(merged, batch).data(), adapted, 1e-5);
    }
  });

  it("refuses a K that is none", () => {
    for (const startStep of [-2, 0.5]) {
      expect(() => scaledLora({ ...OPTIONS, startStep })).toThrow("startStep is a whole number from -1");
    }
  });
});
