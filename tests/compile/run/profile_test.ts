import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { BoundPlan } from "../../../lib/compile/run/bound_plan.ts";
import { useDevice } from "../../../lib/compile/open_device.ts";
import { makePlan } from "../../../lib/compile/plan/make_plan.ts";
import type { Runtime } from "../../../lib/compile/run/runtime.ts";
import { timeByDifference } from "../../../lib/compile/run/time_by_difference.ts";
import type { Device } from "../../../lib/device/mod.ts";
import { matmul, random, sum } from "../../../lib/ops/mod.ts";
import { adamw } from "../../../lib/optim/mod.ts";
import { lora } from "../../../lib/peft/mod.ts";
import { currentExecutor } from "../../../lib/tensor/executor.ts";
import { treeLeaves } from "../../../lib/tensor/mod.ts";
import { init, makeStep } from "../../../lib/train/mod.ts";
import { jit } from "../../../lib/transform/mod.ts";
import { collectGarbage } from "../../support/collect_garbage.ts";
import { testDevice } from "../../support/device.ts";
import { bits, Numbers } from "../../support/numbers.ts";
import { openPlain } from "../../support/plain_device.ts";
import { TARGETS, tinyBase, tinyBatch, tinyLoss } from "../../support/tiny.ts";

const method = lora({ rank: 4, alpha: 8, targets: TARGETS });
const optimizer = adamw({ learningRate: 1e-3 });

/** Three steps; the second one is profiled, where that is asked for, as it runs or each dispatch apart. */
async function train(profiles: "profile" | "profileApart" | undefined) {
  const step = jit(makeStep({ loss: tinyLoss, method, optimizer, clip: 1 }), { donate: [0] });
  let state = init(random.key(0), tinyBase(), { method, optimizer });
  [state] = await step(state, tinyBatch(0));
  const { value: [next], ...profile } = profiles
    ? await step[profiles](state, tinyBatch(1))
    : { value: await step(state, tinyBatch(1)) };
  [state] = await step(next, tinyBatch(2));
  const numbers: number[] = [];
  for (const leaf of treeLeaves(state.trainable)) numbers.push(...bits(await leaf.data()));
  const [plan] = step.plans();
  step.dispose();
  return { numbers, profile, plan };
}

/** Profiles of the ambient device, whatever clock it has. */
async function checkProfile(clock: string, profiles: "profile" | "profileApart" = "profile"): Promise<void> {
  const plain = await train(undefined);
  const { numbers, profile, plan } = await train(profiles);
  expect(numbers).toEqual(plain.numbers);
  if (!("dispatches" in profile)) throw new Error("a profile holds no dispatches");
  const { dispatches } = profile;
  expect(profile.clock).toBe(clock);
  expect(dispatches.map(({ kernel }) => kernel)).toEqual(plan.dispatches.map(({ kernel }) => kernel));
  for (const { seconds, bytes, operations, kernel } of dispatches) {
    expect(seconds).toBeGreaterThanOrEqual(0);
    expect(bytes).toBeGreaterThan(0);
    if (/^matmul/.test(kernel)) expect(operations).toBeGreaterThan(0);
  }
  expect(dispatches.reduce((total, { seconds }) => total + seconds, 0)).toBeGreaterThan(0);
}

describe("jit(f).profile() by timestamps", () => {
  beforeAll(async () => void await testDevice());

  it("gives the bits of a call, and a time for each dispatch of the plan", async () => {
    await checkProfile("timestamps");
  });

  it("repeats each dispatch alone where that is asked for", async () => {
    await checkProfile("difference", "profileApart");
  });
});

describe("jit(f).profile() on a device without timestamps", () => {
  let device: Device;
  beforeAll(async () => {
    device = await openPlain(await testDevice());
    useDevice(device);
  });
  afterAll(async () => {
    await device.done();
    useDevice(await testDevice());
    device.destroy();
  });

  it("gives the bits of a call, and a time for each dispatch of the plan", async () => {
    expect(device.gpu.features.has("timestamp-query")).toBe(false);
    await checkProfile("difference");
  });

  it("gives back the copies of what was donated", async () => {
    const step = jit(makeStep({ loss: tinyLoss, method, optimizer }), { donate: [0] });
    let state = init(random.key(0), tinyBase(), { method, optimizer });
    [state] = await step(state, tinyBatch(0));
    await device.done();
    await collectGarbage();
    const before = device.memory().liveBytes;
    [state] = (await step.profile(state, tinyBatch(0))).value;
    await device.done();
    await collectGarbage();
    expect(device.memory().liveBytes).toBe(before);
    expect(device.counters().pipelines).toBeGreaterThan(0);
    step.dispose();
  });

  it("shares the time of its repetitions out, less that of an empty wait", async () => {
    const numbers = new Numbers();
    const [x, y] = [numbers.tensor([64, 64]), numbers.tensor([64, 64])];
    const runtime = currentExecutor() as Runtime;
    const plan = makePlan([sum(matmul(matmul(x, y), y))], { target: runtime.target, isKept: false });
    const bound = new BoundPlan(device, plan, await runtime.pipelines(plan));
    const buffers = plan.leaves.map((leaf) => runtime.upload(leaf).memory);
    // A clock on which each dispatch takes 3 ms and each submission 40 ms.
    const clock = () => 3 * device.counters().dispatches + 40 * device.counters().submissions;
    expect(await timeByDifference(bound, { buffers }, clock)).toEqual(plan.steps.map(() => 0.003));
    bound.dispose();
  });
});
