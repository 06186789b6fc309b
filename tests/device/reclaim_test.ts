import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { useDevice } from "../../lib/compile/open_device.ts";
import { Reclaimer } from "../../lib/device/reclaim.ts";
import { add, full, mean, mul, sin, sub } from "../../lib/ops/mod.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { jit } from "../../lib/transform/mod.ts";
import { openLike } from "../support/devices.ts";
import { testDevice } from "../support/device.ts";

const MIB = 2 ** 20;

/** A reclaimer of memory that is as large as it is told, of which collecting leaves some. */
class Pretended {
  live = 0;
  rest = 0;
  collections = 0;
  readonly reclaimer: Reclaimer;

  constructor(isSoftware = true) {
    const collect = () => {
      this.collections++;
      this.live = this.rest;
    };
    this.reclaimer = new Reclaimer(() => this.live, { isSoftware, collect });
  }

  /** How often garbage was collected, once so much is in use, of which so much stays. */
  async at(live: number, rest: number): Promise<number> {
    this.live = live * MIB;
    this.rest = rest * MIB;
    await this.reclaimer.relieve();
    return this.collections;
  }
}

describe("a reclaimer", () => {
  it("collects once 32 MiB more are in use than the last collection left, 256 on a GPU, or half as much again", async () => {
    const small = new Pretended();
    expect(await small.at(30, 30)).toBe(0);
    expect(await small.at(34, 20)).toBe(1);
    expect(await small.at(50, 20)).toBe(1);
    const large = new Pretended();
    expect(await large.at(4000, 1000)).toBe(1);
    expect(await large.at(1490, 1000)).toBe(1);
    // Far over the limit it does not matter how long ago the last one was.
    expect(await large.at(2300, 1000)).toBe(2);
    const gpu = new Pretended(false);
    expect(await gpu.at(250, 20)).toBe(0);
    expect(await gpu.at(260, 20)).toBe(1);
  });

  it("gives no room to grow for what went by itself since the last collection", async () => {
    const memory = new Pretended();
    expect(await memory.at(2000, 1000)).toBe(1);
    expect(await memory.at(40, 20)).toBe(1);
    expect(await memory.at(110, 20)).toBe(2);
  });

  it("makes nobody wait where there is nothing to do, and all for one collection where there is", async () => {
    const memory = new Pretended();
    expect(memory.reclaimer.relieve()).toBeUndefined();
    memory.live = 100 * MIB;
    await Promise.all([memory.reclaimer.relieve(), memory.reclaimer.relieve()]);
    expect(memory.collections).toBe(1);
  });
});

describe("memory, on the processor", () => {
  const shape = [1024, 1024];
  const BYTES = 4 * MIB;
  const STEPS = 60;

  const loops: Readonly<Record<string, (w: Tensor) => (step: number) => Promise<void>>> = {
    "an eager loop that reads its loss": (w) => async () => {
      w = sub(w, mul(sin(w), 0.01));
      await mean(w).item();
    },
    "an eager loop over batches from the host": (w) => async (step) => {
      const batch = tensor(new Float32Array(1024 * 1024).fill(step), { shape });
      await mean(mul(w, batch)).item();
    },
    "a jitted loop that donates nothing": (w) => {
      const f = jit((x: Tensor) => {
        const next = sub(x, mul(sin(x), 0.01));
        return [next, mean(next)];
      });
      return async () => void ([w] = await f(w));
    },
    "a donated loop whose state is looked at": (w) => {
      const f = jit((x: Tensor) => add(x, 1), { donate: [0] });
      return async () => {
        await mean(sin(w)).item();
        w = await f(w);
      };
    },
  };
  for (const [name, makeLoop] of Object.entries(loops)) {
    it(`of ${name} is a few times what it works on, however long it runs`, async () => {
      const shared = await testDevice();
      if (!shared.report.isSoftware) return; // a GPU may grow by more than all of these steps need
      const device = await openLike(shared);
      useDevice(device);
      try {
        const loop = makeLoop(full(shape, 1));
        for (let step = 0; step < STEPS; step++) await loop(step);
        await device.done();
        // Half as much again as 32 MiB and what the loop works on; without collections it would be 240 MiB and more.
        expect(device.memory().peakBytes).toBeLessThan(1.5 * (32 * MIB + 8 * BYTES) + 2 * BYTES);
      } finally {
        useDevice(shared);
        device.destroy();
      }
    });
  }
});
