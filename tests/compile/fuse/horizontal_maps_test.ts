import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { add, mul, sqrt, square, sub } from "../../../lib/ops/mod.ts";
import type { Device } from "../../../lib/device/mod.ts";
import { type Tensor, tensor } from "../../../lib/tensor/mod.ts";
import { jit } from "../../../lib/transform/mod.ts";
import { testDevice } from "../../support/device.ts";
import { bits, Numbers } from "../../support/numbers.ts";

type Values = readonly Tensor[];

/** A step like an optimizer's: new parameters and moments of many tensors, whose gradients come from products. */
function update(params: Values, moments: Values, rate: Tensor): [Values, Values] {
  const grads = params.map((p) => sub(square(p), 0.5));
  const next = moments.map((m, i) => add(mul(m, 0.9), mul(grads[i], 0.1)));
  return [params.map((p, i) => sub(p, mul(rate, add(next[i], sqrt(square(grads[i])))))), next];
}

const SIZES = [[3, 5], [64], [7, 9], [65], [4, 64], [2]];

function values(seed: number): Values {
  const numbers = new Numbers(seed);
  return SIZES.map((shape) => numbers.tensor(shape));
}

const alone = jit(update);

/** The same step for one tensor after the other, each with a dispatch of its own. */
async function oneByOne(params: Values, moments: Values, rate: Tensor): Promise<[Values, Values]> {
  const found: [Tensor[], Tensor[]] = [[], []];
  for (let i = 0; i < params.length; i++) {
    const [[param], [moment]] = await alone([params[i]], [moments[i]], rate);
    found[0].push(param);
    found[1].push(moment);
  }
  return found;
}

async function allBits(tensors: Values): Promise<number[][]> {
  return await Promise.all(tensors.map(async (one) => [...bits(await one.data())]));
}

/** Dispatches of one call. */
async function dispatchesOf(device: Device, call: () => Promise<unknown>): Promise<number> {
  const before = device.counters().dispatches;
  await call();
  return device.counters().dispatches - before;
}

describe("work that is the same but for its tensors", () => {
  let device: Device;
  beforeAll(async () => void (device = await testDevice()));

  it("is not the same where its numbers are NaN, an infinity or a zero of the other sign", async () => {
    const numbers = [NaN, Infinity, -Infinity, 0, -0, 1];
    const step = jit((params: Values) => params.map((p, i) => add(mul(p, 0.5), numbers[i])), { donate: [0] });
    const found = await step(numbers.map(() => tensor([-0, -0, -0])));
    const wanted = numbers.map((value) => [...bits(Float32Array.of(value, value, value))]);
    expect(await allBits(found)).toEqual(wanted);
  });

  it("runs as one dispatch on donated tensors of any sizes, with the bits of each alone", async () => {
    const step = jit(update, { donate: [0, 1] });
    const rate = tensor(0.125);
    let [params, moments] = [values(1), values(2)];
    let [wantedParams, wantedMoments] = [values(1), values(2)];
    for (let i = 0; i < 4; i++) {
      expect(await dispatchesOf(device, async () => [params, moments] = await step(params, moments, rate))).toBe(1);
      [wantedParams, wantedMoments] = await oneByOne(wantedParams, wantedMoments, rate);
      expect(await allBits(params)).toEqual(await allBits(wantedParams));
      expect(await allBits(moments)).toEqual(await allBits(wantedMoments));
    }
  });

  it("creates nothing once its tensors lie side by side", async () => {
    const step = jit(update, { donate: [0, 1] });
    let [params, moments] = [values(1), values(2)];
    for (let i = 0; i < 3; i++) [params, moments] = await step(params, moments, tensor(0.1));
    const before = device.counters();
    for (let i = 0; i < 3; i++) [params, moments] = await step(params, moments, tensor(0.1));
    const { buffers, bindGroups, pipelines } = device.counters();
    expect([buffers, bindGroups, pipelines]).toEqual([before.buffers, before.bindGroups, before.pipelines]);
  });

  it("leaves a tensor that somebody still holds as it was", async () => {
    const step = jit(update, { donate: [0, 1] });
    const rate = tensor(0.1);
    const [first, moments] = await step(values(1), values(2), rate);
    const held = mul(first[2], 1);
    await held.data();
    const twin = first.map((one) => mul(one, 1));
    const before = await allBits(twin);
    const shared = [...first.slice(0, 5), twin[5]];
    await step(shared, moments, rate);
    expect(await allBits([held, first[5]])).toEqual([before[2], before[5]]);
  });

  it("takes tensors out of the memory of another function, and gives all of it back", async () => {
    const rate = tensor(0.1);
    const step = jit(update, { donate: [0, 1] });
    const swapped = jit((params: Values, moments: Values, rate: Tensor) => {
      const [next, other] = update([...params].reverse(), [...moments].reverse(), rate);
      return [next, other] as const;
    }, { donate: [0, 1] });
    const live = device.memory().liveBytes;
    let [params, moments] = await step(values(1), values(2), rate);
    let [wantedParams, wantedMoments] = await oneByOne(values(1), values(2), rate);
    for (let i = 0; i < 2; i++) {
      [params, moments] = await swapped(params, moments, rate);
      [wantedParams, wantedMoments] = await oneByOne([...wantedParams].reverse(), [...wantedMoments].reverse(), rate);
      [params, moments] = await step([...params].reverse(), [...moments].reverse(), rate);
      [wantedParams, wantedMoments] = await oneByOne([...wantedParams].reverse(), [...wantedMoments].reverse(), rate);
    }
    expect(await allBits([...params, ...moments])).toEqual(await allBits([...wantedParams, ...wantedMoments]));
    for (const one of [...params, ...moments, ...wantedParams, ...wantedMoments, rate]) one.dispose();
    step.dispose();
    swapped.dispose();
    await device.done();
    expect(device.memory().liveBytes).toBeLessThanOrEqual(live);
  });
});
