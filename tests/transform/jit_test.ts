import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { add, matmul, mean, mul, random, square, sub, sum, where, zeros } from "../../lib/ops/mod.ts";
import { adamw } from "../../lib/optim/mod.ts";
import { deltaLora } from "../../lib/peft/mod.ts";
import { stateOf, type Tensor, tensor, treeLeaves, type TreeNode } from "../../lib/tensor/mod.ts";
import { init, makeStep } from "../../lib/train/mod.ts";
import { grad, jit } from "../../lib/transform/mod.ts";
import { collectGarbage } from "../support/collect_garbage.ts";
import { testDevice } from "../support/device.ts";
import { expectClose, Numbers } from "../support/numbers.ts";
import { TARGETS, tinyBase, tinyBatch, tinyLoss, tinyModel } from "../support/tiny.ts";

describe("jit", () => {
  beforeAll(async () => void await testDevice());

  it("gives what the function gives", async () => {
    const numbers = new Numbers();
    const [x, y] = [numbers.tensor([5, 7]), numbers.tensor([7, 3])];
    const f = ({ a, b }: { a: Tensor; b: Tensor }) => [sum(matmul(a, b)), { product: matmul(a, b) }] as const;
    const [total, { product }] = await jit(f)({ a: x, b: y });
    const [wantedTotal, { product: wanted }] = f({ a: x, b: y });
    expect(await total.item()).toBe(await wantedTotal.item());
    expect(Array.from(await product.data())).toEqual(Array.from(await wanted.data()));
  });

  it("takes numbers as data and compiles once for all of them", async () => {
    const device = await testDevice();
    const f = jit((x: Tensor, factor: Tensor) => mul(x, factor));
    const x = tensor([1, 2]);
    expect(Array.from(await (await f(x, 2)).data())).toEqual([2, 4]);
    const before = device.counters().pipelines;
    expect(Array.from(await (await f(x, -3)).data())).toEqual([-3, -6]);
    expect(device.counters().pipelines).toBe(before);
  });

  it("takes strings and booleans as static, with a plan for each", async () => {
    const f = jit((x: Tensor, mode: string) => mode === "double" ? mul(x, 2) : square(x));
    expect(await (await f(tensor(3), "double")).item()).toBe(6);
    expect(await (await f(tensor(3), "square")).item()).toBe(9);
    expect(f.plans()).toHaveLength(2);
  });

  it("tells static values apart, text with separators in it and zeros of both signs too", async () => {
    const count = jit((x: Tensor, names: readonly string[]) => mul(x, names.length));
    expect(await (await count(tensor([1]), ["a,string b"])).item()).toBe(1);
    expect(await (await count(tensor([1]), ["a", "b"])).item()).toBe(2);
    expect(await (await count(tensor([1]), ['a","b'])).item()).toBe(1);
    const keys = jit((x: Tensor, options: Record<string, string>) => mul(x, Object.keys(options).length));
    expect(await (await keys(tensor([1]), { "a:1,b": "c" })).item()).toBe(1);
    expect(await (await keys(tensor([1]), { a: "1", b: "c" })).item()).toBe(2);
    const symbols = jit((x: Tensor, symbol: symbol) => mul(x, symbol === one ? 1 : 2));
    const [one, two] = [Symbol("s"), Symbol("s")];
    expect(await (await symbols(tensor([1]), one)).item()).toBe(1);
    expect(await (await symbols(tensor([1]), two)).item()).toBe(2);
    const large = jit((x: Tensor, id: bigint | string) => mul(x, typeof id === "bigint" ? 1 : 2));
    expect(await (await large(tensor([1]), 1n)).item()).toBe(1);
    expect(await (await large(tensor([1]), "1n")).item()).toBe(2);
  });

  it("tells objects of two classes with one name apart", async () => {
    const made = (factor: number) =>
      class Scaled implements TreeNode {
        constructor(readonly x: Tensor) {}
        value = () => mul(this.x, factor);
        treeParts = () => [this.x];
        withTreeParts = ([x]: readonly Tensor[]) => new Scaled(x);
      };
    const [Twice, Thrice] = [made(2), made(3)];
    const f = jit((scaled: { value(): Tensor }) => scaled.value());
    expect(await (await f(new Twice(tensor([1])))).item()).toBe(2);
    expect(await (await f(new Thrice(tensor([1])))).item()).toBe(3);
  });

  it("refuses objects of classes among its arguments and in its result", async () => {
    class Model {
      constructor(public W: Tensor) {}
    }
    const f = jit((model: Model, x: Tensor) => mul(model.W, x));
    await expect(f(new Model(tensor([1])), tensor([1]))).rejects.toThrow("Cannot use Model as a part of a tree");
    const g = jit((map: Map<string, Tensor>) => mul(map.get("w")!, 2));
    await expect(g(new Map([["w", tensor([1])]]))).rejects.toThrow("Cannot use Map as a part of a tree");
    await expect(g.compile(new Map())).rejects.toThrow(TypeError);
    const h = jit((x: Tensor) => new Map([["x", mul(x, 2)]]));
    await expect(h(tensor([1]))).rejects.toThrow("Cannot use Map as a part of a tree");
  });

  it("gives the function a tensor for each number, which is no JavaScript number there", async () => {
    const branch = jit((x: Tensor, step: number) => step < 5 ? mul(x, 0.1) : x);
    // @ts-expect-error what the function gets for a number is a tensor
    await expect(branch(tensor([1]), 0)).rejects.toThrow("Cannot use Tensor f32 [] as a JavaScript number");
    const product = jit((x: Tensor, n?: number) => mul(x, n! * 2));
    // @ts-expect-error so it does for one that may be left out
    await expect(product(tensor([1]), 3)).rejects.toThrow(TypeError);
    const inside = jit((x: Tensor, { rate }: { rate: number }) => mul(x, 1 - rate));
    await expect(inside(tensor([1]), { rate: 0.5 })).rejects.toThrow(
      "what must stay a number is named in jit's `static`",
    );
    const either = jit((x: Tensor, factor: Tensor | number) => mul(x, factor));
    expect(await (await either(tensor([1]), 3)).item()).toBe(3);
  });

  it("gives static arguments as they are, with a plan for each value", async () => {
    const repeat = jit((x: Tensor, n: number, mode: { by: number; name: string }) => {
      for (let i = 0; i < n; i++) x = mul(x, mode.by);
      return x;
    }, { static: [1, 2] });
    const by = async (n: number, mode: { by: number; name: string }) =>
      await (await repeat(tensor([1]), n, mode)).item();
    expect(await by(3, { by: 2, name: "a" })).toBe(8);
    expect(await by(2, { by: 2, name: "a" })).toBe(4);
    expect(await by(2, { by: 3, name: "a" })).toBe(9);
    expect(await by(3, { by: 2, name: "a" })).toBe(8);
    expect(repeat.plans()).toHaveLength(3);
    const reduced = jit((x: Tensor, axis: number) => sum(x, { axis }), { static: [1] });
    expect(Array.from(await (await reduced(tensor([[1, 2], [3, 4]]), 0)).data())).toEqual([4, 6]);
    const captured = jit((x: Tensor, parts: { W: Tensor }) => mul(x, parts.W), { static: [1] });
    await expect(captured(tensor([1]), { W: tensor([2]) })).rejects.toThrow(
      "jit: cannot take Tensor f32 [1] as static",
    );
  });

  it("gives numbers of the result back as numbers", async () => {
    const [x, count] = await jit((y: Tensor) => [mul(y, 2), 3] as const)(tensor([1]));
    expect([await x.item(), count]).toEqual([2, 3]);
  });

  it("refuses a jitted function inside a traced one by an error that can be caught", async () => {
    const f = jit(function twice(x: Tensor) {
      return mul(x, 2);
    });
    const message = "Cannot call the jitted twice inside a function that is being traced";
    for (const inner of [f, f.compile, f.profile] as readonly ((x: Tensor) => unknown)[]) {
      await expect(jit((x: Tensor) => [inner(x), x])(tensor([1]))).rejects.toThrow(message);
    }
    const caught = jit((x: Tensor) => {
      try {
        return f(x) as unknown as Tensor;
      } catch {
        return mul(x, 3);
      }
    });
    expect(await (await caught(tensor([1]))).item()).toBe(3);
    expect(await (await f(tensor([1]))).item()).toBe(2);
  });

  it("takes over donated memory, and says so when a donated tensor is read", async () => {
    const f = jit(function advance(x: Tensor) {
      return add(x, 1);
    }, { donate: [0] });
    const first = tensor([1, 2, 3]);
    const second = await f(first);
    expect(Array.from(await second.data())).toEqual([2, 3, 4]);
    await expect(first.data()).rejects.toThrow("it was donated to advance");
    await expect(f(first)).rejects.toThrow("donated to advance");
  });

  it("copies donated memory that another tensor shares", async () => {
    const f = jit((x: Tensor) => add(x, 1), { donate: [0] });
    const kept = tensor([1, 2, 3, 4]);
    const shared = await jit((x: Tensor) => x)(kept);
    expect(shared).toBe(kept);
    const device = mul(kept, 1);
    await device.data();
    const { reshape } = await import("../../lib/ops/mod.ts");
    const alias = reshape(device, [2, 2]);
    await alias.data();
    await f(alias);
    expect(Array.from(await device.data())).toEqual([1, 2, 3, 4]);
  });

  it("hands tensors that it does not change through as they are, also donated ones", async () => {
    const f = jit(({ frozen, moving }: { frozen: Tensor; moving: Tensor }) => ({
      frozen,
      moving: add(moving, sum(frozen)),
    }), { donate: [0] });
    const frozen = tensor([1, 2]);
    const out = await f({ frozen, moving: tensor([0]) });
    expect(out.frozen).toBe(frozen);
    expect(Array.from(await frozen.data())).toEqual([1, 2]);
    expect(Array.from(await out.moving.data())).toEqual([3]);
  });

  it("writes results into the right buffers when donated ones swap places", async () => {
    const f = jit(([a, b]: [Tensor, Tensor]) => [add(b, 10), add(a, 100)] as [Tensor, Tensor], { donate: [0] });
    let pair: [Tensor, Tensor] = [tensor([1, 2]), tensor([3, 4])];
    for (let i = 0; i < 3; i++) pair = await f(pair);
    expect(Array.from(await pair[0].data())).toEqual([123, 124]);
    expect(Array.from(await pair[1].data())).toEqual([211, 212]);
  });

  it("works on a tensor that is given twice", async () => {
    const f = jit(([a, b]: [Tensor, Tensor]) => [add(a, b), sub(a, b)], { donate: [0] });
    const x = mul(tensor([1, 2]), 3);
    await x.data();
    const [total, difference] = await f([x, x]);
    expect(Array.from(await total.data())).toEqual([6, 12]);
    expect(Array.from(await difference.data())).toEqual([0, 0]);
  });

  it("computes what it closes over once, when it is compiled", async () => {
    const outside = mul(tensor([1, 2, 3]), 2);
    const f = jit((x: Tensor) => add(x, outside));
    expect(Array.from(await (await f(tensor([0, 0, 0]))).data())).toEqual([2, 4, 6]);
    expect(Array.from(await (await f(tensor([1, 1, 1]))).data())).toEqual([3, 5, 7]);
  });

  it("gives large results on the device and small ones with the step", async () => {
    const numbers = new Numbers();
    const x = numbers.tensor([200, 200]);
    const [large, small] = await jit((y: Tensor) => [mul(y, 2), mean(y)])(x);
    expect(stateOf(large).kind).toBe("device");
    expect(stateOf(small).kind).toBe("arriving");
    expectClose((await large.data()).subarray(0, 5), (await x.data()).subarray(0, 5).map((v) => 2 * v));
  });

  it("refuses to read data while it traces, and asynchronous functions", async () => {
    await expect(jit(async (x: Tensor) => add(x, await x.item()))(tensor(1))).rejects.toThrow("asynchronous");
    const peek = jit((x: Tensor) => {
      x.data().catch(() => {});
      return where(square(x).rank === 0 ? tensor(true) : tensor(false), x, 0);
    });
    expect(await (await peek(tensor(2))).item()).toBe(2);
  });

  it("keeps results that are empty", async () => {
    const [nothing] = await jit((x: Tensor) => [zeros([0, 3]), x])(tensor(1));
    expect(await nothing.data()).toHaveLength(0);
  });
});

describe("a jitted training step", () => {
  beforeAll(async () => void await testDevice());

  const method = deltaLora({ rank: 4, alpha: 8, lambda: 2, startStep: 2, targets: TARGETS, write: "in-place" });
  const optimizer = adamw({ learningRate: 1e-3 });

  it("is one submission, and creates no buffer, pipeline or bind group after the third", async () => {
    const device = await testDevice();
    const step = jit(makeStep({ loss: tinyLoss, method, optimizer, clip: 1 }), { donate: [0] });
    let state = init(random.key(0), tinyBase(), { method, optimizer });
    let metrics;
    for (let i = 0; i < 3; i++) [state, metrics] = await step(state, tinyBatch(i));
    await metrics!.loss.item();
    const before = device.counters();
    for (let i = 3; i < 13; i++) [state, metrics] = await step(state, tinyBatch(i));
    await metrics!.loss.item();
    const after = device.counters();
    expect(after.submissions - before.submissions).toBe(10);
    expect(after.buffers).toBe(before.buffers);
    expect(after.pipelines).toBe(before.pipelines);
    expect(after.bindGroups).toBe(before.bindGroups);
    step.dispose();
  });

  it("leaves live bytes and the JavaScript heap flat over 2,000 steps of the README's loop", async () => {
    const device = await testDevice();
    // A short text and one layer's worth of work: what is measured is what stays behind, not the arithmetic.
    const batches = Array.from({ length: 4 }, (_, i) => tinyBatch(i, 2, 8));
    const step = jit(makeStep({ loss: tinyLoss, method, optimizer, clip: 1 }), { donate: [0] });
    let state = init(random.key(0), tinyBase(), { method, optimizer });
    let metrics;
    const live: number[] = [];
    const heap: number[] = [];
    for (let i = 0; i < 2000; i++) {
      [state, metrics] = await step(state, batches[i % 4]);
      if (i === 999 || i === 1999) {
        await metrics.loss.item();
        await collectGarbage();
        live.push(device.memory().liveBytes);
        heap.push(Deno.memoryUsage().heapUsed);
      }
    }
    expect(live[1]).toBe(live[0]);
    // A kept metric of each step, with its promise, would already be more.
    expect(heap[1] - heap[0]).toBeLessThan(2 ** 19);
    step.dispose();
  });

  it("rejects the next wait when its loss meets a fault of the device, and says which", async () => {
    const device = await testDevice();
    device.gpu.createBuffer({ size: 16, usage: 0xffff }).destroy();
    await expect(device.done()).rejects.toThrow("WebGPU");
    await device.done();
  });

  it("has a plan without any gradient or moment in the shape of a frozen weight", async () => {
    const { plan } = await import("../support/tiny.ts").then(({ trainTiny }) => trainTiny(method, { steps: 1 }));
    expect(plan.inPlace).toBeGreaterThan(0);
    const state = init(random.key(0), tinyBase(), { method, optimizer });
    const key = state.base["bert.encoder.layer.0.attention.self.query.weight"];
    const shapes = treeLeaves([state.trainable.factors, state.aux]).map(({ shape }) => shape.join());
    expect(shapes).not.toContain(key.shape.join());
    const gradient = grad((factors: typeof state.trainable.factors) => {
      const params = method.adapt(state.base, { ...state.trainable, factors }, state.aux);
      return sum(tinyModel.apply(params, tinyBatch(0)));
    })(state.trainable.factors);
    expect(treeLeaves(gradient).map(({ shape }) => shape.join())).not.toContain(key.shape.join());
  });
});
