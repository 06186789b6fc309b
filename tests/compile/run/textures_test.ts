import type { PlanSummary } from "../../../lib/compile/inspect_mod.ts";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import type { DeviceStorage } from "../../../lib/compile/run/storage.ts";
import type { Device } from "../../../lib/device/mod.ts";
import { add, gelu, matmul, mul, sum } from "../../../lib/ops/mod.ts";
import { stateOf, type Tensor } from "../../../lib/tensor/mod.ts";
import { grad, jit } from "../../../lib/transform/mod.ts";
import { collectGarbage } from "../../support/collect_garbage.ts";
import { deviceIdle, testDevice } from "../../support/device.ts";
import { bits, Numbers } from "../../support/numbers.ts";

/** Large enough for a texture to pay: 256 × 256 × 256. */
const SIZE = 256;

const matrix = (seed: number, rows = SIZE) => new Numbers(seed).tensor([rows, SIZE]);
const layer = (x: Tensor, W: Tensor, b: Tensor) => gelu(add(matmul(x, W, { transposeB: true }), b));
const loss = (x: Tensor, W: Tensor, b: Tensor) => sum(mul(layer(x, W, b), 1 / 64));

/** How many functions read each copy of a tensor; none has copies of one that was not put on the device for good. */
function usersOf(tensor: Tensor): number[] {
  const storage = (stateOf(tensor) as { readonly storage?: DeviceStorage }).storage;
  return [...storage?.copies.values() ?? []].map(({ users }) => users);
}

/** The kernels of a function that was called with one signature. */
const kernelsOf = (f: { plans(): readonly PlanSummary[] }) => f.plans()[0].dispatches.map(({ kernel }) => kernel);

describe("frozen weights as textures", () => {
  let device: Device;
  beforeAll(async () => void (device = await testDevice()));
  afterAll(deviceIdle);

  it("give the bits of the eager result, forward and back", async () => {
    const [x, W, b] = [matrix(1), matrix(2), new Numbers(3).tensor([SIZE])];
    const both = jit((x: Tensor, W: Tensor, b: Tensor) => [layer(x, W, b), grad(loss)(x, W, b)]);
    const [y, dx] = await both(x, W, b);
    const [wantedY, wantedDx] = [layer(x, W, b), grad(loss)(x, W, b)];
    expect(bits(await y.data())).toEqual(bits(await wantedY.data()));
    expect(bits(await dx.data())).toEqual(bits(await wantedDx.data()));
    const { name, subgroupSize } = device.report;
    if (name.includes("llvmpipe") && subgroupSize > 0) {
      expect(kernelsOf(both)).toContainEqual(expect.stringContaining("matmul_nt_texture"));
      expect(kernelsOf(both)).toContainEqual(expect.stringContaining("matmul_nn_texture"));
    }
    both.dispose();
  });

  it("are copied once, shared by functions, and given back with the last of them", async () => {
    const [x, W, b] = [matrix(4), matrix(5), new Numbers(6).tensor([SIZE])];
    const forward = jit(layer);
    const twice = jit((x: Tensor, W: Tensor, b: Tensor) => layer(mul(x, 2), W, b));
    const run = async (f: typeof forward) => {
      (await f(x, W, b)).dispose();
      await device.done();
      return device.counters();
    };
    await run(forward);
    await run(forward);
    const before = await run(forward);
    const after = await run(forward);
    expect(after).toEqual({
      ...before,
      submissions: before.submissions + 1,
      dispatches: before.dispatches + 1,
    });
    await run(twice);
    const isTexture = kernelsOf(forward).some((kernel) => kernel.includes("texture"));
    expect(usersOf(W)).toEqual(isTexture ? [2] : []);
    forward.dispose();
    await device.done();
    expect(usersOf(W)).toEqual(isTexture ? [1] : []);
    twice.dispose();
    await device.done();
    expect(usersOf(W)).toEqual([]);
  });

  it("go with their tensor, and the next one's takes their place", async () => {
    const [x, b] = [matrix(7), new Numbers(8).tensor([SIZE])];
    const forward = jit(layer);
    const made: number[] = [];
    for (let i = 0; i < 4; i++) {
      const W = matrix(10 + i);
      const y = await forward(x, W, b);
      await device.done();
      made.push(device.counters().buffers);
      expect(bits(await y.data())).toEqual(bits(await layer(x, W, b).data()));
      W.dispose();
      y.dispose();
      // The eager layer's product, which was fused and is nobody's, was made of W.
      await collectGarbage();
    }
    expect(made[3]).toBe(made[2]);
    forward.dispose();
  });

  it("are counted as memory, and pooled", () => {
    const { liveBytes } = device.memory();
    const texture = device.acquireTexture(24, 10);
    expect(device.memory().liveBytes).toBe(liveBytes + 24 * 10 * 16);
    const { pooledBytes } = device.memory();
    device.releaseTexture(texture);
    expect(device.memory()).toMatchObject({ liveBytes, pooledBytes: pooledBytes + 24 * 10 * 16 });
    expect(device.acquireTexture(24, 10)).toBe(texture);
    device.releaseTexture(texture);
  });

  it("are not made of what a step writes in place, and follow what another function wrote", async () => {
    const [x, b] = [matrix(20), new Numbers(21).tensor([SIZE])];
    const step = jit((W: Tensor) => [add(W, matmul(W, x)), sum(layer(x, W, b))], { donate: [0] });
    const forward = jit(layer);
    let W = matrix(22);
    for (let i = 0; i < 3; i++) {
      const y = await forward(x, W, b);
      expect(bits(await y.data())).toEqual(bits(await layer(x, W, b).data()));
      [W] = await step(W);
      W = (await jit((W: Tensor) => [mul(W, 0.01)], { donate: [0] })(W))[0];
    }
    expect(kernelsOf(step).filter((kernel) => kernel.includes("matmul_nt_texture"))).toEqual([]);
    step.dispose();
    forward.dispose();
  });

  it("are not for operands that change: those are packed ahead of each product, with the same bits", async () => {
    const [x, W] = [matrix(30, 384), matrix(31, 384)];
    const project = (W: Tensor) => matmul(x, W, { transposeB: true });
    const backward = (y: Tensor) => matmul(y, x, { transposeA: true });
    const frozen = jit((W: Tensor) => project(W));
    const wanted = await frozen(W);
    const wantedBack = bits(await jit((y: Tensor) => backward(add(y, 0)))(wanted).then((dW) => dW.data()));
    const step = jit((W: Tensor) => {
      const y = project(W);
      return [add(W, 1), y, backward(y)];
    }, { donate: [0] });
    const [, y, dW] = await step(mul(W, 1));
    expect(bits(await y.data())).toEqual(bits(await wanted.data()));
    expect(bits(await dW.data())).toEqual(wantedBack);
    const { name, subgroupSize } = device.report;
    if (name.includes("llvmpipe") && subgroupSize > 0) {
      const [{ dispatches }] = step.plans();
      expect(dispatches).toContainEqual(expect.objectContaining({ kernel: "packTexture", writes: ["p0"] }));
      expect(kernelsOf(step)).toContainEqual(expect.stringContaining("matmul_nt_texture"));
      expect(kernelsOf(step)).toContainEqual(expect.stringContaining("matmul_tn_texture"));
      const packed = step.memory()[0].items.filter(({ kind }) => kind === "packed");
      expect(packed.map(({ bytes }) => bytes)).toEqual([4 * 384 * SIZE]);
    }
    step.dispose();
    frozen.dispose();
  });
});
