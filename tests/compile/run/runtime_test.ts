import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { useDevice } from "../../../lib/compile/open_device.ts";
import { layerNorm } from "../../../lib/nn/mod.ts";
import { add, mul } from "../../../lib/ops/mod.ts";
import { evaluate, stateOf, tensor } from "../../../lib/tensor/mod.ts";
import { jit } from "../../../lib/transform/mod.ts";
import { openLike } from "../../support/devices.ts";
import { testDevice } from "../../support/device.ts";

describe("eager tensors", () => {
  beforeAll(async () => void await testDevice());

  it("are computed on the way where more than 4,000 wait", async () => {
    const device = await testDevice();
    const before = device.counters().submissions;
    let x = tensor([0, 1]);
    for (let i = 0; i < 9000; i++) x = add(x, 1);
    expect(device.counters().submissions - before).toBeGreaterThan(1);
    expect(Array.from(await x.data())).toEqual([9000, 9001]);
  });

  it("may be made of tensors that are disposed of afterwards, for longer than 4,000 operations", async () => {
    const [weight, bias] = [tensor([1, 2]), tensor([0, 1])];
    let last: number[] = [];
    for (let i = 0; i < 1500; i++) {
      const x = tensor([[i, 1]]);
      const y = layerNorm(x, weight, bias);
      await evaluate(y);
      if (i === 1499) last = Array.from(await y.data());
      y.dispose();
      x.dispose();
    }
    expect(last).toEqual([expect.closeTo(1, 4), expect.closeTo(-1, 4)]);
  });

  it("are copied again to another device that is opened, where the host has them", async () => {
    const first = await testDevice();
    const second = await openLike(first);
    const [host, computed] = [tensor([1, 2]), mul(tensor([3, 4]), 2)];
    await evaluate([add(host, 1), computed]);
    try {
      useDevice(second);
      expect(Array.from(await add(host, 10).data())).toEqual([11, 12]);
      await expect(add(computed, 1).data()).rejects.toThrow("lies on another device");
    } finally {
      useDevice(first);
      second.destroy();
    }
    expect(Array.from(await add(computed, host).data())).toEqual([7, 10]);
  });

  it("that cannot be computed leave those alone that are computed with them on the way", async () => {
    const first = await testDevice();
    const second = await openLike(first);
    try {
      useDevice(second);
      const foreign = await evaluate(mul(tensor([3, 4]), 2));
      useDevice(first);
      const lost = add(foreign, 1);
      let x = tensor([0, 1]);
      for (let i = 0; i < 5000; i++) x = add(x, 1);
      expect(Array.from(await x.data())).toEqual([5000, 5001]);
      await expect(lost.data()).rejects.toThrow("lies on another device");
    } finally {
      useDevice(first);
      second.destroy();
    }
  });

  it("may be made of results of a jitted function that have not arrived", async () => {
    const arriving = await jit((x: ReturnType<typeof tensor>) => mul(x, 2))(tensor([1, 2]));
    expect(stateOf(arriving).kind).toBe("arriving");
    let y = arriving;
    for (let i = 0; i < 1500; i++) y = add(y, 1);
    expect(Array.from(await y.data())).toEqual([1502, 1504]);
  });
});
