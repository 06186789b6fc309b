import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { PassClock } from "../../bench/measure/pass_clock.ts";
import { lazyTexts } from "../../bench/cases/texts.ts";
import { QUICK } from "../../bench/cases/models.ts";
import type { Device } from "../../lib/device/mod.ts";
import { trainBatches } from "../../lib/data/mod.ts";
import { add } from "../../lib/ops/mod.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { jit } from "../../lib/transform/mod.ts";
import { testDevice } from "../support/device.ts";
import { openPlain } from "../support/plain_device.ts";

describe("PassClock", () => {
  let device: Device;
  beforeAll(async () => void (device = await testDevice()));

  it("times the passes of calls in their order, one each, and lets go of the device", async () => {
    const next = jit((x: Tensor) => add(x, 1));
    let x = tensor([0]);
    x = await next(x);
    using clock = new PassClock(device, 8);
    for (let i = 0; i < 5; i++) x = await next(x);
    const spans = await clock.spans();
    expect(await x.item()).toBe(6);
    expect(spans).toHaveLength(5);
    spans.forEach(({ began, ended }, i) => {
      expect(ended).toBeGreaterThan(began);
      if (i > 0) expect(began).toBeGreaterThanOrEqual(spans[i - 1].ended);
    });
    x = await next(x);
    expect(await x.item()).toBe(7);
    expect(Object.hasOwn(device.gpu, "createCommandEncoder")).toBe(false);
    next.dispose();
  });

  it("times no more passes than it has room for", async () => {
    const next = jit((x: Tensor) => add(x, 2));
    let x = await next(tensor([0]));
    using clock = new PassClock(device, 2);
    for (let i = 0; i < 4; i++) x = await next(x);
    expect(await clock.spans()).toHaveLength(2);
    expect(await x.item()).toBe(10);
    expect(() => new PassClock(device, 2049)).toThrow("cannot time 2049 passes: 2048 are the most");
    next.dispose();
  });
});

describe("PassClock on a device without timestamps", () => {
  it("is not there, and says so", async () => {
    const device = await openPlain(await testDevice());
    expect(PassClock.isThere(device)).toBe(false);
    expect(() => new PassClock(device, 2)).toThrow("has no timestamps");
    device.destroy();
  });
});

describe("lazyTexts", () => {
  it("gives texts of all lengths up to the longest, of known words", () => {
    const texts = lazyTexts(QUICK, { count: 500, length: 32 });
    const lengths = texts.examples.map(({ ids }) => ids.length);
    expect([Math.min(...lengths), Math.max(...lengths), texts.length]).toEqual([4, 32, 32]);
    const median = lengths.toSorted((a, b) => a - b)[250];
    expect(median).toBeLessThan(16);
    for (const { ids } of texts.examples) {
      expect(Math.max(...ids)).toBeLessThan(QUICK.vocabSize);
      expect(ids).not.toContain(1);
    }
    const shapes = Array.from(
      { length: 64 },
      (_, i) => trainBatches(texts, { batchSize: 4, seed: 0, padding: "bucket", window: 8 }).at(i).shape[1],
    );
    expect(new Set(shapes)).toEqual(new Set([16, 32]));
  });
});
