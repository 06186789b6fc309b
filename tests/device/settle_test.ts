import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { paced } from "../../lib/device/settle.ts";

const host = globalThis as unknown as { setImmediate: (callback: () => void) => unknown };

describe("paced", () => {
  it("lets polls that find nothing come at once at first, then every few milliseconds, and puts all back", async () => {
    const original = host.setImmediate;
    const { promise, resolve } = Promise.withResolvers<string>();
    let polls = 0;
    const began = performance.now();
    const poll = () => {
      polls++;
      if (performance.now() - began < 200) host.setImmediate(poll);
      else resolve("done");
    };
    const waiting = paced(promise);
    host.setImmediate(poll);
    expect(await waiting).toBe("done");
    const elapsed = performance.now() - began;
    expect(polls).toBeGreaterThan(8);
    // 8 at once, 24 with a millisecond, then one in 4.
    expect(polls).toBeLessThan(8 + 24 + elapsed / 4 + 2);
    expect(host.setImmediate).toBe(original);
  });

  it("is eager again when another wait begins or ends", async () => {
    const first = Promise.withResolvers<number>();
    const second = Promise.withResolvers<number>();
    const waiting = paced(first.promise);
    const delays: boolean[] = [];
    /** Whether a poll now goes through a timer. */
    const isLate = () => Object(host.setImmediate(() => {})).constructor.name !== "Immediate";
    for (let i = 0; i < 12; i++) delays.push(isLate());
    expect(delays).toEqual(Array.from({ length: 12 }, (_, i) => i >= 8));
    const other = paced(second.promise);
    expect(isLate()).toBe(false);
    for (let i = 0; i < 12; i++) isLate();
    expect(isLate()).toBe(true);
    second.resolve(2);
    expect(await other).toBe(2);
    expect(isLate()).toBe(false);
    first.resolve(1);
    expect(await waiting).toBe(1);
  });

  it("puts all back when what it waits for fails", async () => {
    const original = host.setImmediate;
    await expect(paced(Promise.reject(new Error("lost")))).rejects.toThrow("lost");
    expect(host.setImmediate).toBe(original);
  });
});
