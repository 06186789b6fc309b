import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { crossEntropy, type Params } from "../../lib/nn/mod.ts";
import { add, random, reshape } from "../../lib/ops/mod.ts";
import { adamw } from "../../lib/optim/mod.ts";
import { adalora } from "../../lib/peft/mod.ts";
import { init, makeStep } from "../../lib/train/mod.ts";
import { jit } from "../../lib/transform/mod.ts";
import { testDevice } from "../support/device.ts";
import { encoder, encoderBatch, encoderWeights, loadFixture } from "../support/encoder.ts";
import { expectClose } from "../support/numbers.ts";
import { TARGETS } from "../support/tiny.ts";

const wanted = await loadFixture("adalora");
const OPTIONS = {
  initialRank: 4,
  targetRank: 2,
  alpha: 8,
  targets: TARGETS,
  heads: /^classifier$/,
  totalSteps: 14,
  warmup: 2,
  final: 4,
  interval: 2,
};

describe("adalora", () => {
  beforeAll(async () => void await testDevice());

  it("follows PEFT's AdaLoRA: the same triplets live, the same losses and factors", async () => {
    const method = adalora(OPTIONS);
    const optimizer = adamw({ learningRate: 5e-3, weightDecay: 0.1 });
    const loss = (params: Params, batch: ReturnType<typeof encoderBatch>) =>
      crossEntropy(encoder.apply(params, batch), batch.labels);
    const step = jit(makeStep({ loss, method, optimizer }), { donate: [0] });
    let state = init(random.key(0), encoderWeights(), { method, optimizer });
    const from = (prefix: string, path: string) => ({
      P: wanted[`${prefix}.${path}.lora_B`],
      E: reshape(wanted[`${prefix}.${path}.lora_E`], [4]),
      Q: wanted[`${prefix}.${path}.lora_A`],
    });
    const paths = Object.keys(state.trainable.factors);
    const factors = Object.fromEntries(paths.map((path) => [path, from("before", path)]));
    const penalty = jit((parts: typeof state.trainable) => method.penalty!(parts));
    state = { ...state, trainable: { ...state.trainable, factors } };
    const losses: number[] = [];
    const alive: number[][] = [];
    for (let i = 0; i < 14; i++) {
      const extra = await (await penalty(state.trainable)).item();
      let metrics;
      [state, metrics] = await step(state, encoderBatch(i % 10));
      losses.push(await metrics.loss.item() + extra);
      const rows = await Promise.all(Object.values(state.trainable.factors).map(({ E }) => E.data()));
      alive.push(rows.flatMap((row) => Array.from(row, (x) => Number(x !== 0))));
    }
    expectClose(losses, await wanted.losses.data(), 1e-4);
    expect(alive.flat()).toEqual(Array.from(await wanted.alive.data()));
    for (const path of paths) {
      const [got, want] = [state.trainable.factors[path], from("after", path)];
      for (const name of ["P", "E", "Q"] as const) expectClose(await got[name].data(), await want[name].data(), 5e-4);
    }
  });

  it("keeps exactly the target's number of triplets at the end", async () => {
    const counts = Array.from(await wanted.alive.data());
    expect(counts.slice(-16).reduce((a, b) => a + b)).toBe(8);
  });

  it("merged weights give the adapted model's logits", async () => {
    const method = adalora(OPTIONS);
    const base = encoderWeights();
    const state = { base, ...method.init(random.key(3), base) };
    const trainable = {
      ...state.trainable,
      factors: Object.fromEntries(
        Object.entries(state.trainable.factors).map(([path, t]) => [path, { ...t, E: add(t.E, 0.5) }]),
      ),
    };
    const batch = encoderBatch(0);
    const adapted = await encoder.apply(method.adapt(base, trainable, state.aux), batch).data();
    expectClose(await encoder.apply(method.merge({ ...state, trainable }), batch).data(), adapted, 1e-5);
  });

  it("refuses ranks and schedules that cannot be", () => {
    expect(() => adalora({ ...OPTIONS, targetRank: 5 })).toThrow("above the initial one");
    expect(() => adalora({ ...OPTIONS, warmup: 10 })).toThrow("leave none of 14");
    expect(() => adalora({ ...OPTIONS, initialRank: 0 })).toThrow("a rank is a whole number from 1");
  });
});
