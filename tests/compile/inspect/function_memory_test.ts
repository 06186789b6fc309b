import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { type LiveRange, liveRanges, peakOf } from "../../../lib/compile/plan/liveness.ts";
import { makePlan } from "../../../lib/compile/plan/make_plan.ts";
import type { Plan } from "../../../lib/compile/plan/plan.ts";
import type { Runtime } from "../../../lib/compile/run/runtime.ts";
import type { Device } from "../../../lib/device/mod.ts";
import { add, matmul, mean, mul, random, square, sum, tanh } from "../../../lib/ops/mod.ts";
import { adamw } from "../../../lib/optim/mod.ts";
import { deltaLora, lora, type Method } from "../../../lib/peft/mod.ts";
import { currentExecutor } from "../../../lib/tensor/executor.ts";
import { type Tensor, treeDispose } from "../../../lib/tensor/mod.ts";
import { init, makeStep, type StepMetrics } from "../../../lib/train/mod.ts";
import { grad, jit } from "../../../lib/transform/mod.ts";
import { formatMemory, type FunctionMemory } from "../../../lib/compile/inspect_mod.ts";
import { collectGarbage } from "../../support/collect_garbage.ts";
import { deviceIdle, testDevice } from "../../support/device.ts";
import { Numbers } from "../../support/numbers.ts";
import { TARGETS, tinyBase, tinyBatch, tinyLoss } from "../../support/tiny.ts";

const METHODS: Readonly<Record<string, Method>> = {
  LoRA: lora({ rank: 4, alpha: 8, targets: TARGETS }) as Method,
  "Delta-LoRA, in place,": deltaLora({
    rank: 4,
    alpha: 8,
    lambda: 2,
    startStep: 0,
    targets: TARGETS,
    write: "in-place",
  }) as Method,
};

/** A layer's worth of work with something to keep for the backward pass. */
const loss = (W: Tensor, x: Tensor) => mean(square(matmul(tanh(matmul(tanh(matmul(x, W)), W)), W)));

const bytesOf = ({ items }: FunctionMemory, kind: string) =>
  items.filter((item) => item.kind === kind).reduce((sum, { bytes }) => sum + bytes, 0);

describe("jit(f).memory()", () => {
  let device: Device;
  beforeAll(async () => void (device = await testDevice()));
  afterAll(deviceIdle);

  for (const [name, method] of Object.entries(METHODS)) {
    it(`of a step of ${name} is what the device counts, between steps and while one runs`, async () => {
      await collectGarbage();
      const before = device.memory().liveBytes;
      const optimizer = adamw({ learningRate: 1e-3 });
      const step = jit(makeStep({ loss: tinyLoss, method, optimizer, clip: 1 }), { donate: [0] });
      let state = init(random.key(0), tinyBase(), { method, optimizer, takeBase: true });
      let metrics: StepMetrics;
      const batch = tinyBatch(0);
      const advance = async () => {
        [state, metrics] = await step(state, batch);
        await metrics.loss.item();
      };
      for (let i = 0; i < 3; i++) await advance();
      await collectGarbage();
      const [memory] = step.memory();
      expect(device.memory().liveBytes - before).toBe(memory.liveBytes);
      device.resetPeak();
      await advance();
      expect(device.memory().peakBytes - before).toBe(memory.peakBytes);
      expect(memory.items.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(memory.peakBytes);
      for (const { bytes } of memory.items) expect(bytes).toBeGreaterThanOrEqual(0);
      step.dispose();
      treeDispose(state);
    });
  }

  it("counts what is captured, large results, and memory that two arguments share once", async () => {
    await collectGarbage();
    const before = device.memory().liveBytes;
    const numbers = new Numbers();
    const captured = numbers.tensor([200, 200]);
    const x = numbers.tensor([400, 200]);
    const f = jit(function project(a: Tensor, b: Tensor) {
      return add(matmul(a, captured), b);
    });
    const y = await f(x, x);
    await device.done();
    const [memory] = f.memory();
    expect(device.memory().liveBytes - before).toBe(memory.liveBytes);
    expect(bytesOf(memory, "argument")).toBe(4 * 400 * 200);
    expect(bytesOf(memory, "captured")).toBe(4 * 200 * 200);
    expect(bytesOf(memory, "result")).toBe(4 * 400 * 200);
    expect(memory).toMatchObject({ name: "project", peak: { dispatch: 0, bytes: 4 * 400 * 200 } });
    f.dispose();
    y.dispose();
  });

  it("knows before the first call what it will be", async () => {
    const numbers = new Numbers();
    const f = jit((W: Tensor, x: Tensor) => grad(loss)(W, x) as Tensor);
    const args = [numbers.tensor([96, 96]), numbers.tensor([300, 96])] as const;
    await f.compile(...args);
    const [ahead] = f.memory();
    (await f(...args)).dispose();
    expect(f.memory()).toEqual([ahead]);
    await device.done();
    f.dispose();
  });

  it("names arguments by their place in the tree, and says which are given up", async () => {
    const numbers = new Numbers();
    const f = jit(({ frozen, moving }: { frozen: Tensor; moving: Tensor[] }, x: Tensor) => ({
      frozen,
      moving: moving.map((m) => add(m, sum(mul(frozen, x)))),
    }), { donate: [0] });
    const g = jit((state: { m: Tensor[] }, rate: Tensor) => mul(state.m[0], rate), { names: ["state", "rate"] });
    await f.compile({ frozen: numbers.tensor([8]), moving: [numbers.tensor([4])] }, numbers.tensor([8]));
    await g.compile({ m: [numbers.tensor([4])] }, 2);
    const paths = (memory: FunctionMemory) =>
      memory.items.filter(({ kind }) => kind === "argument").map(({ path, isDonated }) => [path.join("."), isDonated]);
    expect(paths(f.memory()[0])).toEqual([["arguments[0].frozen", false], ["arguments[0].moving.0", true], [
      "arguments[1]",
      false,
    ]]);
    expect(paths(g.memory()[0])).toEqual([["state.m.0", false], ["rate", false]]);
    f.dispose();
    g.dispose();
  });

  it("shows what waits for the backward pass at the peak, and the dispatch where that is", async () => {
    const numbers = new Numbers();
    const f = jit((W: Tensor, x: Tensor) => grad(loss)(W, x) as Tensor, { names: ["W", "x"] });
    await f.compile(numbers.tensor([64, 64]), numbers.tensor([512, 64]));
    const [memory] = f.memory();
    const kept = memory.items.filter(({ kind }) => kind === "kept");
    expect(kept.filter(({ path, shape }) => path[0] === "tanh" && shape!.join() === "512,64")).toHaveLength(2);
    expect(memory.peak!.bytes).toBeGreaterThanOrEqual(3 * 4 * 512 * 64);
    const text = formatMemory(memory);
    expect(text).toContain(`fullest at dispatch ${memory.peak!.dispatch}, ${memory.peak!.kernel}`);
    expect(text).toMatch(/^kept for later dispatches +\d+\.\d KiB +\d+\.\d %$/m);
    expect(text).toMatch(/^ {2}tanh \[512, 64\] +128\.0 KiB {2}kept for later dispatches$/m);
    expect(text).toMatch(/^ {2}W +16\.0 KiB {2}1 tensor$/m);
    f.dispose();
  });
});

describe("liveRanges", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  /** A plan in which slots are used several times, with results and scratch memory. */
  function planned(): Plan {
    const numbers = new Numbers();
    const [W, x] = [numbers.tensor([96, 96]), numbers.tensor([40_000, 96])];
    const { target } = currentExecutor() as Runtime;
    return makePlan([grad(loss)(W, x) as Tensor, loss(W, x), sum(x, { axis: 0 })], { target, isKept: false });
  }

  it("lets nothing lie in a slot beside something else, or be larger than it", () => {
    const plan = planned();
    const ranges = liveRanges(plan);
    expect(new Set(ranges.map(({ slot }) => slot)).size).toBe(plan.slots.length);
    expect(ranges.length).toBeGreaterThan(plan.slots.length);
    const bySlot = Map.groupBy(ranges, ({ slot }) => slot);
    for (const [slot, own] of bySlot) {
      own.forEach(({ bytes, from }, i) => {
        expect(bytes).toBeLessThanOrEqual(plan.slots[slot]);
        if (i > 0) expect(from).toBeGreaterThan(own[i - 1].to);
      });
    }
  });

  it("keeps results to the end", () => {
    const plan = planned();
    const ranges = liveRanges(plan);
    for (const place of plan.results) {
      if (place.kind !== "slot") throw new Error(`a result lies in a ${place.kind}`);
      const last = ranges.filter(({ slot }) => slot === place.slot).at(-1)!;
      expect(last.to).toBe(plan.steps.length);
    }
  });

  it("has its peak where the sum over all that is held is largest", () => {
    const plan = planned();
    const ranges = liveRanges(plan);
    const heldAt = (dispatch: number): readonly LiveRange[] =>
      ranges.filter(({ from, to }) => from <= dispatch && dispatch <= to);
    const sums = plan.steps.map((_, dispatch) => heldAt(dispatch).reduce((sum, { bytes }) => sum + bytes, 0));
    const peak = peakOf(plan)!;
    expect(peak.bytes).toBe(Math.max(...sums));
    expect(peak.dispatch).toBe(sums.indexOf(peak.bytes));
    expect(peak.live).toEqual(heldAt(peak.dispatch));
  });
});
