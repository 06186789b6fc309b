import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { random } from "../../lib/ops/mod.ts";
import { adamw } from "../../lib/optim/mod.ts";
import {
  adalora,
  type BaseParams,
  deltaLora,
  dora,
  full,
  hira,
  lora,
  loraFa,
  type Method,
  mora,
  pissa,
  rslora,
  scaledLora,
  vera,
} from "../../lib/peft/mod.ts";
import { type Tensor, tensor, treeDispose, treeLeaves } from "../../lib/tensor/mod.ts";
import { init, makeStep, type StepMetrics, type TrainState } from "../../lib/train/mod.ts";
import { jit } from "../../lib/transform/mod.ts";
import type { FunctionMemory } from "../../lib/compile/inspect_mod.ts";
import { collectGarbage } from "../support/collect_garbage.ts";
import { deviceIdle, testDevice } from "../support/device.ts";
import { bits } from "../support/numbers.ts";
import { TARGETS, tinyBase, tinyBatch, tinyLoss, trainTiny } from "../support/tiny.ts";

const SHARED = { rank: 4, alpha: 8, targets: TARGETS };
const METHODS = {
  lora: lora(SHARED),
  rslora: rslora(SHARED),
  dora: dora(SHARED),
  adalora: adalora({
    ...SHARED,
    initialRank: 6,
    targetRank: 4,
    totalSteps: 20,
    warmup: 2,
    final: 4,
    interval: 1,
  }),
  "telescoped delta-lora": deltaLora({ ...SHARED, lambda: 2, startStep: 1, write: "telescoped" }),
  "lora-scaled": scaledLora({ ...SHARED, lambda: 2 }),
  hira: hira(SHARED),
  mora: mora(SHARED),
  pissa: pissa(SHARED),
  vera: vera(SHARED),
  "lora-fa": loraFa({ ...SHARED, correction: true }),
} as unknown as Readonly<Record<string, Method>>;

/** The base with its matrices rounded to f16: as f16, and the same numbers as f32. */
async function roundedBase(): Promise<{ half: BaseParams; full: BaseParams }> {
  const half: Record<string, Tensor> = {};
  const full: Record<string, Tensor> = {};
  for (const [name, value] of Object.entries(tinyBase())) {
    const data = await value.data();
    const { shape } = value;
    const isMatrix = shape.length === 2;
    half[name] = tensor(isMatrix ? new Float16Array(data) : data, { shape });
    full[name] = tensor(isMatrix ? Float32Array.from(new Float16Array(data)) : data, { shape });
  }
  return { half, full };
}

/** Bits of all that a run trained. */
async function trainedBits({ trainable, aux }: TrainState): Promise<number[][]> {
  const found: number[][] = [];
  for (const leaf of treeLeaves({ trainable, aux })) found.push(bits(await leaf.data()));
  return found;
}

describe("methods over a base in f16", () => {
  let base: { half: BaseParams; full: BaseParams };
  beforeAll(async () => {
    await testDevice();
    base = await roundedBase();
  });
  afterAll(deviceIdle);

  for (const [name, method] of Object.entries(METHODS)) {
    it(`${name} takes the steps, to the bit, that it takes over the same numbers in f32, and merges to f32`, async () => {
      const [got, wanted] = [
        await trainTiny(method, { steps: 5, base: { ...base.half } }),
        await trainTiny(method, { steps: 5, base: { ...base.full } }),
      ];
      expect(got.losses).toEqual(wanted.losses);
      expect(await trainedBits(got.state)).toEqual(await trainedBits(wanted.state));
      const [merged, other] = [method.merge(got.state), method.merge(wanted.state)];
      for (const target of Object.keys(merged).filter((name) => TARGETS.test(name.replace(/\.weight$/, "")))) {
        expect(merged[target].dtype).toBe("f32");
        expect(bits(await merged[target].data())).toEqual(bits(await other[target].data()));
      }
      for (const leaf of treeLeaves(got.state.trainable)) expect(leaf.dtype).toBe("f32");
    });
  }

  it("hold half of the matrices' bytes, as the device counts them, and nothing of them in f32", async () => {
    const device = await testDevice();
    const optimizer = adamw({ learningRate: 1e-3 });
    const measure = async (params: BaseParams): Promise<{ memory: FunctionMemory; counted: number }> => {
      await collectGarbage();
      const before = device.memory().liveBytes;
      const own = Object.fromEntries(
        await Promise.all(
          Object.entries(params).map(async ([name, x]) => [name, tensor(await x.data(), { shape: x.shape })] as const),
        ),
      );
      const heads = /^$/;
      const method = lora({ ...SHARED, heads }) as unknown as Method;
      const step = jit(makeStep({ loss: tinyLoss, method, optimizer }), { donate: [0] });
      let state = init(random.key(0), own, { method, optimizer });
      let metrics: StepMetrics;
      for (let i = 0; i < 3; i++) {
        [state, metrics] = await step(state, tinyBatch(0, 32));
        await metrics.loss.item();
      }
      await collectGarbage();
      const [memory] = step.memory();
      const counted = device.memory().liveBytes - before;
      step.dispose();
      treeDispose(state);
      return { memory, counted };
    };
    const [half, whole] = [await measure(base.half), await measure(base.full)];
    for (const { memory, counted } of [half, whole]) expect(counted).toBe(memory.liveBytes);
    const matrices = Object.entries(base.half).filter(([, { dtype }]) => dtype === "f16");
    for (const [name, { size }] of matrices) {
      const bytes = ({ memory }: typeof half) =>
        memory.items.filter(({ kind, path }) => kind === "argument" && path.includes(name))
          .reduce((sum, item) => sum + item.bytes, 0);
      expect([name, bytes(half), bytes(whole)]).toEqual([name, 2 * size, 4 * size]);
    }
    const elements = matrices.reduce((sum, [, { size }]) => sum + size, 0);
    const own = ({ memory }: typeof half) =>
      memory.items.filter(({ kind }) => kind === "kept" || kind === "temporary").reduce(
        (sum, { bytes }) => sum + bytes,
        0,
      );
    expect(own(half)).toBe(own(whole));
    // Buffers come in multiples of 256 bytes.
    const saved = whole.memory.liveBytes - half.memory.liveBytes;
    expect(Math.abs(saved - 2 * elements)).toBeLessThanOrEqual(256 * matrices.length);
  });

  it("that write W, or train it, say why they cannot and what to do", async () => {
    const optimizer = adamw({ learningRate: 1e-3 });
    const inPlace = deltaLora({ ...SHARED, lambda: 2, startStep: 0, write: "in-place" });
    expect(() => init(random.key(0), base.half, { method: inPlace, optimizer })).toThrow(
      /delta-lora: cannot write .+query\.weight as it is kept in f16, .+`model.weights` f32.+telescoped/,
    );
    expect(() => init(random.key(0), base.half, { method: inPlace, optimizer, takeBase: true })).toThrow(TypeError);
    expect(() => init(random.key(0), base.half, { method: full(), optimizer })).toThrow(
      /full: cannot train .+ as it is kept in f16, .+`model.weights` f32/,
    );
    await init(random.key(0), base.full, { method: full(), optimizer }).step.item();
  });
});
