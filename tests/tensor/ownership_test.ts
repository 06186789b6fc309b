import { expect } from "expect";
import { beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import type { Device } from "../../lib/device/mod.ts";
import { add, mul, reshape, sin, softmax, square, sum, transpose } from "../../lib/ops/mod.ts";
import { evaluate, type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { checkpoint, grad, valueAndGrad, vjp } from "../../lib/transform/mod.ts";
import { collectGarbage } from "../support/collect_garbage.ts";
import { testDevice } from "../support/device.ts";

/** Large enough to be seen in live bytes beside anything else. */
const SIZE = 4096;

const numbers = async (x: Tensor) => Array.from(await x.data());

describe("a tensor that is disposed of", () => {
  let device: Device;
  let before: number;

  beforeAll(async () => {
    device = await testDevice();
  });

  beforeEach(async () => {
    await collectGarbage();
    before = device.memory().liveBytes;
  });

  it("is there for what was made of it before, through any number of operations", async () => {
    const x = tensor([1, 2]);
    const doubled = mul(x, 2);
    const result = add(doubled, 1);
    x.dispose();
    doubled.dispose();
    expect(await numbers(result)).toEqual([3, 5]);
    expect(() => add(doubled, 1)).toThrow("was disposed");
    await expect(doubled.data()).rejects.toThrow("it was disposed");
  });

  it("may be a `using` of a function that returns what was made of it, also where that is differentiated", async () => {
    const loss = (x: Tensor) => {
      using wave = sin(x);
      using weights = softmax(wave);
      return sum(square(weights));
    };
    const kept = (x: Tensor) => sum(square(softmax(sin(x))));
    const x = tensor([0.1, 0.7, -1]);
    const { value, grad: slope } = valueAndGrad(loss)(x);
    const wanted = valueAndGrad(kept)(x);
    expect(await value.item()).toBe(await wanted.value.item());
    expect(await numbers(slope)).toEqual(await numbers(wanted.grad));
    expect(await numbers(grad(checkpoint(loss))(x))).toEqual(await numbers(grad(checkpoint(kept))(x)));
    const back = vjp(loss, x);
    await back.value.data();
    back.value.dispose();
    x.dispose();
    expect(await numbers(back.pullback(tensor(1))[0])).toEqual(await numbers(wanted.grad));
  });

  it("cannot be what a function that is differentiated returns", () => {
    const forgetful = (x: Tensor) => {
      using result = sum(x);
      return result;
    };
    expect(() => grad(forgetful)(tensor([1, 2]))).toThrow("it was disposed before it was returned");
  });

  it("gives its memory back with the last of several consumers, each of which gets it", async () => {
    const x = mul(tensor(new Float32Array(SIZE).fill(3)), 1);
    const [first, second] = [add(x, 1), add(x, 2)];
    await evaluate(x);
    x.dispose();
    const withX = device.memory().liveBytes;
    expect((await first.data())[SIZE - 1]).toBe(4);
    first.dispose();
    expect(device.memory().liveBytes).toBe(withX);
    expect((await second.data())[SIZE - 1]).toBe(5);
    second.dispose();
    await collectGarbage(); // the host tensor's copy on the device
    expect(device.memory().liveBytes).toBe(before);
  });

  it("gives its memory back with its last consumer where that is disposed of or dropped unseen", async () => {
    const data = new Float32Array(SIZE);
    for (const drop of [(y: Tensor) => y.dispose(), () => {}]) {
      const x = tensor(data);
      let y: Tensor | undefined = add(mul(x, 1), 1);
      await evaluate(sum(x));
      x.dispose();
      expect(device.memory().liveBytes).toBeGreaterThan(before);
      drop(y);
      y = undefined;
      await collectGarbage();
      expect(device.memory().liveBytes).toBe(before);
    }
  });

  it("does so a second time without effect, and is one name of its memory among others", async () => {
    const x = mul(tensor(new Float32Array(SIZE).fill(2)), 1);
    const [flipped, flat] = [transpose(reshape(x, [64, 64])), reshape(x, [64, 64])];
    await evaluate([x, flat]);
    x.dispose();
    x.dispose();
    const other = mul(tensor(new Float32Array(SIZE).fill(9)), 1);
    await evaluate(other);
    expect((await flat.data())[0]).toBe(2);
    expect((await flipped.data())[0]).toBe(2);
  });

  it("lets a read that was begun end", async () => {
    const x = mul(tensor([1, 2]), 3);
    const [pending, computed] = [x.data(), evaluate(x)];
    x.dispose();
    await computed;
    expect(Array.from(await pending)).toEqual([3, 6]);
  });

  it("may end a chain that is longer than the call stack", async () => {
    let x = tensor([0]);
    for (let i = 0; i < 3000; i++) {
      using last = x;
      x = add(last, 1);
    }
    expect(await numbers(x)).toEqual([3000]);
  });
});
