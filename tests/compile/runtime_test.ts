import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { layerNorm } from "../../lib/nn/mod.ts";
import { add, mul } from "../../lib/ops/mod.ts";
import { evaluate, tensor } from "../../lib/tensor/mod.ts";
import { jit } from "../../lib/transform/mod.ts";
import { testDevice } from "../support/device.ts";

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

  it("may be made of results of a jitted function that have not arrived", async () => {
    const arriving = await jit((x: ReturnType<typeof tensor>) => mul(x, 2))(tensor([1, 2]));
    expect(arriving.state.kind).toBe("arriving");
    let y = arriving;
    for (let i = 0; i < 1500; i++) y = add(y, 1);
    expect(Array.from(await y.data())).toEqual([1502, 1504]);
  });
});
