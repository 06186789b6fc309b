import { expect } from "expect";
import { afterEach, beforeAll, describe, it } from "@std/testing/bdd";
import { useDevice } from "../../lib/compile/open_device.ts";
import type { Device } from "../../lib/device/mod.ts";
import { add, mul, reshape, sum, zeros } from "../../lib/ops/mod.ts";
import { evaluate, setExecutor, type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { collectGarbage } from "../support/collect_garbage.ts";
import { testDevice } from "../support/device.ts";

describe("a tensor", () => {
  let device: Device;
  beforeAll(async () => void (device = await testDevice()));
  afterEach(() => useDevice(device));

  it("is not changed by what is made of it", async () => {
    const x = tensor([1, 2, 3]);
    await mul(add(x, 1), 2).data();
    await sum(x).item();
    expect(Array.from(await x.data())).toEqual([1, 2, 3]);
  });

  it("gives its only element, and says so where there are more", async () => {
    expect(await tensor([[7]]).item()).toBe(7);
    expect(await tensor(true).item()).toBe(1);
    await expect(tensor([1, 2]).item()).rejects.toThrow("item() needs one element: this tensor has shape [2]");
    await expect(zeros([0]).item()).rejects.toThrow(RangeError);
  });

  it("needs an open device only for what is not computed yet", async () => {
    const x = tensor([1, 2]);
    const pending = add(x, 1);
    setExecutor(undefined);
    expect(Array.from(await x.data())).toEqual([1, 2]);
    expect(await zeros([0, 3]).data()).toHaveLength(0);
    await expect(pending.data()).rejects.toThrow("no device is open: call `await openDevice()`");
    await expect(evaluate(pending)).rejects.toThrow("no device is open");
    useDevice(device);
    expect(Array.from(await pending.data())).toEqual([2, 3]);
  });

  it("cannot be read or used once it is disposed, and says so", async () => {
    const made = mul(tensor([1, 2]), 1);
    await made.data();
    for (const x of [tensor([[1, 2]]), made]) {
      const pending = add(x, 1);
      x.dispose();
      await expect(x.data()).rejects.toThrow(/^cannot read a tensor of shape \[.*\]: it was disposed$/);
      expect(Array.from(await pending.data())).toEqual([2, 3]);
      expect(() => add(x, 1)).toThrow("was disposed");
      x.dispose();
    }
  });

  it("gives its memory back when it is disposed, and what shares it keeps it", async () => {
    await collectGarbage();
    const before = device.memory().liveBytes;
    const x = mul(tensor(new Float32Array(1000)), 1);
    const y = reshape(x, [10, 100]);
    await evaluate([x, y]);
    expect(device.memory().liveBytes).toBeGreaterThan(before);
    x.dispose();
    expect(await y.data()).toHaveLength(1000);
    y.dispose();
    await collectGarbage(); // the device's copy of what x was made of
    expect(device.memory().liveBytes).toBe(before);
  });

  it("is disposed at the end of its scope by `using`", async () => {
    let outer: Tensor;
    {
      using x = tensor([1]);
      outer = x;
      expect(await outer.item()).toBe(1);
    }
    await expect(outer.data()).rejects.toThrow("it was disposed");
  });

  it("gives its memory back when nobody holds it any more", async () => {
    await collectGarbage();
    const before = device.memory().liveBytes;
    await (async () => void await evaluate(mul(tensor(new Float32Array(5000)), 2)))();
    expect(device.memory().liveBytes).toBeGreaterThan(before);
    // The executor's weak reference, once followed, holds for a turn.
    for (let i = 0; i < 2; i++) await collectGarbage();
    expect(device.memory().liveBytes).toBe(before);
  });

  it("is no JavaScript number: using it as one is an error, and text of it is not", () => {
    const x = tensor([1, 2]);
    const uses: readonly (() => unknown)[] = [() => Number(x), () => Math.max(Number(0), x as never), () => +x];
    for (const use of uses) expect(use).toThrow("Cannot use Tensor f32 [2] as a JavaScript number");
    expect(() => (x as unknown as number) < 5).toThrow(TypeError);
    expect(() => (x as unknown as string) + "").toThrow(TypeError);
    expect(`${x}`).toBe("Tensor f32 [2]");
    expect(String(x)).toBe("Tensor f32 [2]");
  });

  it("is computed with others in one submission, and once where several need it, also later", async () => {
    const x = tensor([[1, 2], [3, 4]]);
    const shared = sum(x, { axis: 0 });
    const tree = { a: add(shared, 1), b: [sum(shared)] };
    const later = mul(shared, 10);
    const before = device.counters();
    expect(await evaluate(tree)).toBe(tree);
    expect(device.counters().submissions).toBe(before.submissions + 1);
    expect(device.counters().dispatches).toBe(before.dispatches + 3);
    expect(Array.from(await tree.a.data())).toEqual([5, 7]);
    expect(await tree.b[0].item()).toBe(10);
    const { dispatches } = device.counters();
    expect(Array.from(await later.data())).toEqual([40, 60]);
    expect(device.counters().dispatches).toBe(dispatches + 1);
  });

  it("is computed in between where thousands of operations wait, and nothing of the result changes", async () => {
    const before = device.counters().submissions;
    let x = tensor([0, 1]);
    for (let i = 0; i < 4500; i++) x = add(x, 1);
    expect(device.counters().submissions).toBeGreaterThan(before);
    expect(Array.from(await x.data())).toEqual([4500, 4501]);
  });
});
