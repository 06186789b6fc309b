import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { ratioOf, takeTurns, timingOf } from "../../bench/measure/turns.ts";

describe("takeTurns", () => {
  it("lets everybody run once before the rounds, then once in each, one after the other", async () => {
    const calls: string[] = [];
    const contender = (name: string) => ({ name, perRun: 1, run: () => Promise.resolve(void calls.push(name)) });
    const timings = await takeTurns([contender("a"), contender("b")], { rounds: 3 });
    expect(calls.join("")).toBe("abababab");
    expect(timings.map(({ rounds }) => rounds.length)).toEqual([3, 3]);
  });

  it("counts an operation, not a call, on its clock", async () => {
    let now = 0;
    const took = [100, 20, 30, 40];
    const run = () => Promise.resolve(void (now += took.shift()!));
    const [timing] = await takeTurns([{ name: "ten", perRun: 10, run }], { rounds: 3, clock: () => now });
    expect(timing).toEqual({ rounds: [2, 3, 4], best: 2, median: 3 });
  });

  it("repeats a call until its turn is over", async () => {
    let [now, calls] = [0, 0];
    const run = () => Promise.resolve(void (now += 2, calls++));
    const contender = { name: "short", perRun: 1, run };
    const [timing] = await takeTurns([contender], { rounds: 2, turnMilliseconds: 7, clock: () => now });
    expect(calls).toBe(1 + 2 * 4);
    expect(timing.rounds).toEqual([2, 2]);
  });
});

describe("ratioOf", () => {
  it("divides bests by bests, and takes the median of rounds divided by the same rounds", () => {
    // The machine slows down in the second and third round for both.
    const [slow, fast] = [timingOf([2, 8, 6]), timingOf([1, 4, 2])];
    expect(slow).toEqual({ rounds: [2, 8, 6], best: 2, median: 6 });
    expect(ratioOf(slow, fast)).toEqual({ best: 2, median: 2 });
  });
});
