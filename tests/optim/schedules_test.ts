import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { arange } from "../../lib/ops/mod.ts";
import { constantSchedule, cosineSchedule, linearSchedule } from "../../lib/optim/mod.ts";
import { tensor } from "../../lib/tensor/mod.ts";
import fixture from "../fixtures/optim.json" with { type: "json" };
import { testDevice } from "../support/device.ts";
import { expectClose } from "../support/numbers.ts";

const SCHEDULES = { linear: linearSchedule, cosine: cosineSchedule };

describe("schedules", () => {
  beforeAll(async () => void await testDevice());

  for (const { schedule, warmup, total, peak, rates } of fixture.rates) {
    it(`${schedule} over ${total} steps, ${warmup} of them of warm-up, is that of transformers, and stays 0 after it`, async () => {
      const rateAt = SCHEDULES[schedule as keyof typeof SCHEDULES]({ peak, warmup, total });
      expect(rates).toHaveLength(total + 1);
      expectClose(await rateAt(arange(total + 4)).data(), [...rates, 0, 0, 0], 2e-7);
    });
  }

  it("follow half a cosine to the last digits of f32, from the peak to exactly 0", async () => {
    const steps = 1000;
    const rates = await cosineSchedule({ peak: 1, total: steps })(arange(steps + 1)).data();
    const wanted = Array.from(rates, (_, t) => Math.cos(Math.PI * t / steps / 2) ** 2);
    expectClose(rates, wanted, 1e-7);
    expect([rates[0], rates[steps]]).toEqual([1, 0]);
  });

  it("take the step as a scalar on the device", async () => {
    const rate = linearSchedule({ peak: 1, warmup: 2, total: 6 })(tensor(4, { dtype: "i32" }));
    expect(rate.shape).toEqual([]);
    expect(await rate.item()).toBe(0.5);
    expect(await constantSchedule(0.25)(tensor(7, { dtype: "i32" })).item()).toBe(0.25);
  });

  it("refuse a warm-up that leaves no step", () => {
    for (const make of Object.values(SCHEDULES)) {
      expect(() => make({ peak: 1, warmup: 5, total: 5 })).toThrow("a schedule of 5 steps cannot warm up over 5");
      expect(() => make({ peak: 1, warmup: -1, total: 5 })).toThrow(RangeError);
      expect(() => make({ peak: 1, total: 0 })).toThrow(RangeError);
      expect(() => make({ peak: 1, total: NaN })).toThrow(RangeError);
    }
  });
});
