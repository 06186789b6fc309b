import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import type { Device } from "../../lib/device/mod.ts";
import { add, broadcastTo, cast, matmul, mul, reshape, slice, sub, sum, transpose } from "../../lib/ops/mod.ts";
import { evaluate, type Tensor, tensor, treeDispose } from "../../lib/tensor/mod.ts";
import { jit } from "../../lib/transform/mod.ts";
import { collectGarbage } from "../support/collect_garbage.ts";
import { testDevice } from "../support/device.ts";

/** Results over 64 KiB stay on the device; smaller ones that are not written in place arrive on the host. */
const SIZES = [2, 20_000];

const first = async (x: Tensor) => (await x.data())[0];

async function filled(size: number, value: number): Promise<Tensor> {
  return await evaluate(mul(tensor(new Float32Array(size).fill(value)), 1));
}

describe("a jitted function", () => {
  let device: Device;

  beforeAll(async () => {
    device = await testDevice();
  });

  it("takes memory that is given up for results that cannot be written in place, by a copy", async () => {
    const step = jit((x: Tensor) => matmul(x, x), { donate: [0] });
    let x = await evaluate(mul(tensor([[1, 2], [3, 4]]), 1));
    for (let i = 0; i < 2; i++) x = await step(x);
    expect([...await x.data()]).toEqual([199, 290, 435, 634]);
    expect(step.plans().map(({ copiedBack }) => copiedBack)).toEqual([1]);
  });

  it("returns one value under several names as tensors of their own, donated or not", async () => {
    for (const size of SIZES) {
      for (const donate of [[], [0]]) {
        const start = jit((x: Tensor) => {
          const next = add(x, 1);
          return { params: next, ema: next, flat: reshape(next, [2, -1]), again: add(x, 1) };
        }, { donate });
        const step = jit(
          ({ params, ema }: { params: Tensor; ema: Tensor }) => ({ params: add(params, 1), ema: mul(ema, 10) }),
          { donate: [0] },
        );
        const names = await start(await filled(size, 1));
        const next = await step({ params: names.params, ema: names.ema });
        expect([await first(next.params), await first(next.ema)]).toEqual([3, 20]);
        names.flat.dispose();
        await filled(size, 99);
        expect(await first(names.again)).toBe(2);
      }
    }
  });

  it("hands a donated leaf through under several names, beside a changed one and views of it", async () => {
    for (const size of SIZES) {
      const f = jit((x: Tensor) => ({
        x,
        same: x,
        next: add(x, 1),
        inner: [reshape(x, [2, -1]), slice(x, { start: [1], size: [1] }), transpose(reshape(x, [2, -1]))],
        spread: broadcastTo(reshape(x, [1, -1]), [2, size]),
      }), { donate: [0] });
      const x = await filled(size, 5);
      const out = await f(x);
      expect(out.x).toBe(x);
      expect(out.same).not.toBe(x);
      out.x.dispose();
      const names = [out.same, ...out.inner, out.spread];
      for (const name of names) expect(await first(name)).toBe(5);
      expect(await first(out.next)).toBe(6);
      out.inner[0].dispose();
      await filled(size, 99);
      expect(await first(out.same)).toBe(5);
    }
  });

  it("gives up a donated leaf of which it returns views alone, and the views are whole", async () => {
    const views: ((x: Tensor) => Tensor)[] = [
      (x) => reshape(x, [2, -1]),
      (x) => slice(x, { start: [1], size: [1] }),
      (x) => broadcastTo(x, [3, x.size]),
    ];
    for (const size of SIZES) {
      for (const view of views) {
        const f = jit((x: Tensor) => [view(x), add(x, 1)], { donate: [0] });
        const x = await filled(size, 5);
        const [seen, next] = await f(x);
        await expect(x.data()).rejects.toThrow("it was donated");
        const later = await jit((y: Tensor) => add(y, 1), { donate: [0] })(seen);
        expect([await first(next), await first(later)]).toEqual([6, 6]);
      }
      const half = await evaluate(cast(await filled(size, 5), "f16"));
      const [wide, same] = await jit((x: Tensor) => [cast(x, "f32"), x], { donate: [0] })(half);
      expect([await first(wide), await first(same), wide.dtype, same.dtype]).toEqual([5, 5, "f32", "f16"]);
    }
  });

  it("takes one tensor for several arguments, donated in all or in one of them, changed or returned", async () => {
    for (const size of SIZES) {
      const both = jit((a: Tensor, b: Tensor) => [add(a, 1), mul(b, 10), a], { donate: [0, 1] });
      const x = await filled(size, 2);
      const results = await both(x, x);
      expect([await first(results[0]), await first(results[1]), await first(results[2])]).toEqual([3, 20, 2]);

      const one = jit((a: Tensor, b: Tensor) => [add(a, b), b], { donate: [0] });
      const y = await filled(size, 2);
      const [total, kept] = await one(y, y);
      expect([await first(total), await first(kept)]).toEqual([4, 2]);
      const z = await filled(size, 2);
      const shared = await evaluate(reshape(z, [2, -1]));
      const [after] = await jit((a: Tensor, b: Tensor) => [add(a, reshape(b, [-1]))], { donate: [0] })(z, shared);
      expect([await first(after), await first(shared)]).toEqual([4, 2]);
    }
  });

  it("may be given what it closes over, whose value it keeps, donated or disposed of", async () => {
    for (const size of SIZES) {
      const x = await filled(size, 2);
      const f = jit((state: Tensor) => add(state, x), { donate: [0] });
      let state = await f(x);
      expect(await first(state)).toBe(4);
      await expect(x.data()).rejects.toThrow("it was donated");
      for (const wanted of [6, 8]) expect(await first(state = await f(state))).toBe(wanted);

      const y = tensor(new Float32Array(size).fill(3));
      const g = jit((z: Tensor) => [add(z, y), y]);
      treeDispose(await g(state));
      y.dispose();
      await filled(size, 99);
      const [total, closed] = await g(state);
      expect([await first(total), await first(closed)]).toEqual([11, 3]);
      await expect(g(tensor(new Float32Array(1)))).rejects.toThrow("was disposed");
    }
  });

  it("returns constants and what it closes over as new tensors every time", async () => {
    const closed = await filled(20_000, 1);
    const f = jit((x: Tensor) => [x, closed, closed, tensor([7, 8]), mul(tensor([1, 2]), 3)]);
    for (let call = 0; call < 3; call++) {
      const [, ...rest] = await f(tensor(1));
      const found = await Promise.all(rest.map(first));
      expect(found).toEqual([1, 1, 7, 3]);
      treeDispose(rest);
    }
    expect(await first(closed)).toBe(1);
  });

  it("holds arguments and captured tensors from the call on, while it is compiled or waits", async () => {
    const [x, closed] = [await filled(20_000, 2), await filled(20_000, 10)];
    const f = jit((a: Tensor) => add(a, closed), { donate: [0] });
    const calls = [f(x), f(x), f(x)];
    x.dispose();
    closed.dispose();
    const pending = mul(tensor([1, 2]), 2);
    const small = jit((a: Tensor) => add(a, 1))(pending);
    pending.dispose();
    await filled(20_000, 99);
    for (const call of calls) expect(await first(await call)).toBe(12);
    expect(await first(await small)).toBe(3);
    await expect(f(x)).rejects.toThrow("an argument of shape [20000] was disposed");
  });

  it("cannot return a tensor that it disposed of, and says so", async () => {
    const f = jit(function forgetful(x: Tensor) {
      using result = add(x, 1);
      return result;
    });
    await expect(f(tensor(1))).rejects.toThrow("jit: forgetful returned a tensor of shape [] that was disposed");
    const tidy = jit((x: Tensor) => {
      using doubled = mul(x, 2);
      return add(doubled, 1);
    });
    expect(await first(await tidy(tensor(2)))).toBe(5);
  });

  it("leaves what was made of a tensor before its donation its value", async () => {
    for (const size of SIZES) {
      const x = await filled(size, 2);
      const [before, view] = [mul(x, 3), sum(reshape(x, [2, -1]))];
      const next = await jit((y: Tensor) => add(y, 1), { donate: [0] })(x);
      expect([await first(next), await first(before), await first(view)]).toEqual([3, 6, 2 * size]);
      expect(() => add(x, 1)).toThrow("was donated");
    }
  });

  it("writes in place what nobody else needs, and nothing else", async () => {
    const f = jit((x: Tensor) => add(x, 1), { donate: [0] });
    let x = await f(await filled(20_000, 1));
    await collectGarbage();
    const { liveBytes } = device.memory();
    for (let i = 0; i < 5; i++) x = await f(x);
    expect(device.memory().liveBytes).toBe(liveBytes);
    expect(await first(x)).toBe(7);
  });

  it("gives all memory back when it, its arguments and its results are disposed of", async () => {
    await collectGarbage();
    const { liveBytes } = device.memory();
    for (const size of SIZES) {
      const closed = tensor(new Float32Array(size).fill(1));
      const f = jit(([a, b]: Tensor[], c: Tensor) => {
        const next = add(a, c);
        return { next, twin: next, a, flat: reshape(b, [2, -1]), other: sub(b, closed), closed };
      }, { donate: [0] });
      const [a, b, c] = [1, 2, 3].map((value) => tensor(new Float32Array(size).fill(value)));
      const out = await f([a, b], c);
      expect(await first(out.other)).toBe(1);
      treeDispose([a, b, c, out, closed]);
      f.dispose();
      await device.done();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    expect(device.memory().liveBytes).toBe(liveBytes);
  });
});
