import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import * as dd from "../../../mod.ts";
import type { Tensor } from "../../../mod.ts";
import type { Device } from "../../../lib/device/mod.ts";
import { collectGarbage } from "../../support/collect_garbage.ts";
import { deviceIdle, testDevice } from "../../support/device.ts";
import { bits, expectClose, Numbers } from "../../support/numbers.ts";

const numbers = new Numbers(9);
const kernelsOf = (f: { plans(): readonly dd.PlanSummary[] }) => f.plans()[0].dispatches.map(({ kernel }) => kernel);

/** A function of one turn as many times as it says, with nodes of their own. */
function repeated(f: (h: Tensor) => Tensor, times: number): (h: Tensor) => Tensor {
  return (h) => {
    for (let i = 0; i < times; i++) h = f(h);
    return h;
  };
}

const scanned = (f: (h: Tensor) => Tensor, length: number) => (h: Tensor) =>
  dd.scan((h: Tensor) => [f(h), undefined], h, undefined, { length })[0];

describe("plans of loops", () => {
  let device: Device;
  beforeAll(async () => void (device = await testDevice()));
  afterAll(deviceIdle);

  it("read a frozen weight as a texture where a program without a loop does", async () => {
    const W = numbers.tensor([256, 256], { min: -0.1, max: 0.1 });
    const turn = (h: Tensor) => dd.tanh(dd.matmul(h, W, { transposeB: true }));
    const h = numbers.tensor([256, 256]);
    const [loop, chain] = [dd.jit(scanned(turn, 3)), dd.jit(repeated(turn, 3))];
    expect(bits(await (await loop(h)).data())).toEqual(bits(await (await chain(h)).data()));
    expect(new Set(kernelsOf(loop).filter((name) => name.startsWith("matmul")))).toEqual(new Set(kernelsOf(chain)));
    loop.dispose();
    chain.dispose();
  });

  it("pack an operand that a turn writes as a program without a loop does", async () => {
    const x = numbers.tensor([512, 256], { min: -0.1, max: 0.1 });
    const turn = (W: Tensor) => W.sub(dd.matmul(dd.transpose(x), dd.matmul(x, W)).mul(0.1));
    const W = numbers.tensor([256, 256]);
    const [loop, chain] = [dd.jit(scanned(turn, 3)), dd.jit(repeated(turn, 3))];
    expectClose(await (await loop(W)).data(), await (await chain(W)).data());
    const packs = (f: typeof loop) => kernelsOf(f).some((name) => name.includes("pack"));
    expect(packs(loop)).toBe(packs(chain));
    loop.dispose();
    chain.dispose();
  });

  it("begin in the memory of a value that nobody needs afterwards, and leave one that is needed alone", async () => {
    const turn = (h: Tensor) => dd.sin(h).add(h);
    const h = numbers.tensor([64]);
    const alone = dd.jit((h: Tensor) => scanned(turn, 3)(h.mul(2)));
    const both = dd.jit((h: Tensor) => {
      const double = h.mul(2);
      const last = scanned(turn, 3)(double);
      return [last, last.mul(double)];
    });
    const wanted = await repeated(turn, 3)(h.mul(2)).data();
    expectClose(await (await alone(h)).data(), wanted);
    const [last, product] = await both(h);
    expectClose(await last.data(), wanted);
    const elements = await h.data();
    expectClose(await product.data(), wanted.map((x, i) => 2 * x * elements[i]));
    expect(kernelsOf(alone).length).toBe(2);
    expect(kernelsOf(both)).toContain("copy");
  });

  it("carry nothing that only serves derivatives which nobody asks for", async () => {
    const [h, W] = [numbers.tensor([4, 8]), numbers.tensor([8, 8], { min: -0.3, max: 0.3 })];
    const turn = (W: Tensor) => (h: Tensor): [Tensor, undefined] => [dd.tanh(dd.matmul(h, W)), undefined];
    const loss = (h: Tensor, W: Tensor) => dd.scan(turn(W), h, undefined, { length: 6 })[0].sum();
    const value = dd.jit(loss);
    const [byH, byBoth] = [
      dd.jit(dd.grad(loss)),
      dd.jit((h: Tensor, W: Tensor) => [
        dd.grad(loss)(h, W),
        dd.grad(loss, { argument: 1 })(h, W),
      ]),
    ];
    await value(h, W);
    const [a, [b]] = [await byH(h, W), await byBoth(h, W)];
    expect(bits(await a.data())).toEqual(bits(await b.data()));
    expect(kernelsOf(value).filter((name) => name.startsWith("dynamic"))).toEqual([]);
    expect(byH.plans()[0].ownBytes).toBeLessThan(byBoth.plans()[0].ownBytes);
    expect(kernelsOf(byH).length).toBeLessThan(kernelsOf(byBoth).length);
  });

  it("say how often each dispatch runs, and what takes memory and time", async () => {
    const turn = (h: Tensor, x: Tensor): [Tensor, Tensor] => {
      const next = dd.matmul(h, x);
      return [next, next.sum()];
    };
    const f = dd.jit((h: Tensor, xs: Tensor) => dd.scan(turn, h, xs));
    const [h, xs] = [numbers.tensor([64, 64]), numbers.tensor([7, 64, 64], { min: -0.2, max: 0.2 })];
    await collectGarbage();
    const before = device.memory().liveBytes;
    const [last, sums] = await f(h, xs);
    await sums.data();
    await collectGarbage();
    const [memory] = f.memory();
    expect(memory.items.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(memory.peakBytes);
    expect(device.memory().liveBytes - before).toBeLessThanOrEqual(memory.liveBytes);
    const [{ dispatches }] = f.plans();
    const products = dispatches.filter(({ operations }) => operations > 0);
    expect(products.map(({ runs }) => runs)).toEqual([4, 3]);
    expect(products.reduce((sum, { operations }) => sum + operations, 0)).toBe(7 * 2 * 64 ** 3);
    expect(f.explain()).toContain("; 4 times");
    const { value, dispatches: times } = await f.profile(h, xs);
    expect(bits(await value[0].data())).toEqual(bits(await last.data()));
    expect(times.map(({ runs }) => runs)).toEqual(dispatches.map(({ runs }) => runs));
    f.dispose();
  });
});
