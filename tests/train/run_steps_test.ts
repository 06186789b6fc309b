import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { matmul, random } from "../../lib/ops/mod.ts";
import { meanSquaredError } from "../../lib/nn/mod.ts";
import { linearSchedule, sgd } from "../../lib/optim/mod.ts";
import { full } from "../../lib/peft/mod.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { init, makeStep, runSteps, type StepLog, TrainingFailed } from "../../lib/train/mod.ts";
import { jit } from "../../lib/transform/mod.ts";
import { deviceIdle, testDevice } from "../support/device.ts";
import { Numbers } from "../support/numbers.ts";

interface Points {
  readonly x: Tensor;
  readonly y: Tensor;
}

/** Points near y = 2a − b. */
function pointsAt(index: number): Points {
  const numbers = new Numbers(index + 1);
  const rows = Array.from({ length: 16 }, () => [numbers.next() - 0.5, numbers.next() - 0.5]);
  return { x: tensor(rows), y: tensor(rows.map(([a, b]) => 2 * a - b)) };
}

/** A straight line, fitted by real steps. */
function fit(learningRate: number) {
  const optimizer = sgd({ learningRate: linearSchedule({ peak: learningRate, total: 100 }) });
  const method = full();
  const loss = (params: Readonly<Record<string, unknown>>, { x, y }: Points) =>
    meanSquaredError(matmul(x, params.W as Tensor), y);
  const step = jit(makeStep({ loss, method, optimizer }), { donate: [0] });
  const state = () => init(random.key(0), { W: tensor([[0], [0]]) }, { method, optimizer });
  return { step, state };
}

describe("runSteps", () => {
  beforeAll(async () => void await testDevice());
  afterAll(deviceIdle);

  it("runs the steps it is told, and logs each of them in order", async () => {
    const { step, state } = fit(0.5);
    const heard: StepLog[] = [];
    const states: number[] = [];
    let now = 0;
    const { state: last, logs } = await runSteps(step, state(), pointsAt, {
      steps: 30,
      onStep: (log) => heard.push(log),
      onState: (index) => void states.push(index),
      clock: () => now++,
    });
    expect(logs.map((log) => log.step)).toEqual(Array.from({ length: 30 }, (_, i) => i));
    expect(heard).toEqual(logs);
    expect(states).toEqual(logs.map((log) => log.step));
    expect(logs.map((log) => log.elapsedSeconds)).toEqual(logs.map((_, i) => i + 1));
    expect(logs[29].loss).toBeLessThan(logs[0].loss / 4);
    logs.forEach(({ learningRate, gradNorm }, i) => {
      expect(Math.abs(learningRate - 0.5 * (1 - i / 100))).toBeLessThan(1e-6);
      expect(gradNorm).toBeGreaterThan(0);
    });
    expect(await last.step.item()).toBe(30);
    step.dispose();
  });

  it("hears of a step while the next one is under way, so that the device never waits", async () => {
    const { step, state } = fit(0.5);
    const order: string[] = [];
    await runSteps(
      (before: ReturnType<typeof state>, batch: Points) => {
        order.push("step");
        return step(before, batch);
      },
      state(),
      pointsAt,
      { steps: 3, onStep: ({ step: index }) => order.push(`log ${index}`) },
    );
    expect(order).toEqual(["step", "step", "log 0", "step", "log 1", "log 2"]);
    step.dispose();
  });

  it("asks for each batch once, in order, and for the next one as soon as a step is handed over", async () => {
    const { step, state } = fit(0.5);
    const order: string[] = [];
    const { logs } = await runSteps(
      async (before: ReturnType<typeof state>, batch: Points) => {
        const result = await step(before, batch);
        order.push("step");
        return result;
      },
      state(),
      async (index) => {
        order.push(`batch ${index}`);
        await Promise.resolve();
        return pointsAt(index);
      },
      { steps: 5, start: 2, onStep: ({ step: index }) => order.push(`log ${index}`) },
    );
    expect(order).toEqual([
      ...["batch 2", "step", "batch 3", "step", "batch 4"],
      ...["log 2", "step", "log 3", "log 4"],
    ]);
    expect(logs.map((log) => log.step)).toEqual([2, 3, 4]);
    step.dispose();
  });

  it("goes on where another run stopped, to the same state", async () => {
    const { step, state } = fit(0.5);
    const whole = await runSteps(step, state(), pointsAt, { steps: 8 });
    const first = await runSteps(step, state(), pointsAt, { steps: 5 });
    const rest = await runSteps(step, first.state, pointsAt, { steps: 8, start: 5 });
    expect(rest.logs.map((log) => log.step)).toEqual([5, 6, 7]);
    expect([...first.logs, ...rest.logs].map((log) => log.loss)).toEqual(whole.logs.map((log) => log.loss));
    expect(await rest.state.trainable.W.data()).toEqual(await whole.state.trainable.W.data());
    step.dispose();
  });

  it("does nothing where there is nothing to do", async () => {
    const { step, state } = fit(0.5);
    const initial = state();
    expect(await runSteps(step, initial, pointsAt, { steps: 0 })).toEqual({ state: initial, logs: [] });
  });

  it("ends with TrainingFailed when the loss is no number, and names the step", async () => {
    const { step, state } = fit(1e18);
    const heard: number[] = [];
    const failing = runSteps(step, state(), pointsAt, { steps: 50, onStep: ({ loss }) => heard.push(loss) });
    await expect(failing).rejects.toThrow(TrainingFailed);
    await expect(failing).rejects.toThrow(
      new RegExp(`^the loss is (NaN|Infinity) at step ${heard.length}: a lower learning rate or clipping may help$`),
    );
    expect(heard.length).toBeGreaterThan(0);
    expect(heard.every(Number.isFinite)).toBe(true);
    step.dispose();
  });

  it("ends with TrainingFailed when it is the last loss that is none", async () => {
    const { step, state } = fit(0.5);
    const batchAt = (index: number) =>
      index === 2 ? { ...pointsAt(2), y: tensor(new Float32Array(16).fill(NaN)) } : pointsAt(index);
    await expect(runSteps(step, state(), batchAt, { steps: 3 })).rejects.toThrow("the loss is NaN at step 2");
    step.dispose();
  });

  it("ends before its next step when it is told to, with the reason, and can go on from the state it had", async () => {
    const { step, state } = fit(0.5);
    const controller = new AbortController();
    const steps: number[] = [];
    const stopping = runSteps(step, state(), pointsAt, {
      steps: 100,
      signal: controller.signal,
      onState(index) {
        steps.push(index);
        if (index === 4) controller.abort(new Error("enough"));
      },
    });
    await expect(stopping).rejects.toThrow("enough");
    expect(steps).toEqual([0, 1, 2, 3, 4]);
    const never = runSteps(step, state(), pointsAt, { steps: 1, signal: AbortSignal.abort(new Error("at once")) });
    await expect(never).rejects.toThrow("at once");
    step.dispose();
  });

  it("passes on what a step or a listener throws", async () => {
    const { step, state } = fit(0.5);
    const failing = runSteps(step, state(), (index) => {
      if (index === 1) throw new RangeError("no batch 1");
      return pointsAt(index);
    }, { steps: 3 });
    await expect(failing).rejects.toThrow("no batch 1");
    const late = (index: number) => index === 1 ? Promise.reject(new Error("no file 1")) : Promise.resolve(pointsAt(0));
    await expect(runSteps(step, state(), late, { steps: 3 })).rejects.toThrow("no file 1");
    const onState = () => Promise.reject(new Error("disk full"));
    await expect(runSteps(step, state(), pointsAt, { steps: 3, onState })).rejects.toThrow("disk full");
    step.dispose();
  });
});
