import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import type { Step } from "../../../lib/compile/plan/plan.ts";
import { countRuns, moveRepeat, type Repeat, visitRuns } from "../../../lib/compile/plan/repeat.ts";

const STEP: Step = {
  kernel: { name: "nothing", code: "", bindings: [] },
  grid: [1, 1, 1],
  uniforms: new Uint32Array(4),
  buffers: [],
  operations: 0,
  cluster: 0,
  contents: [],
};

function planOf(count: number, ...repeats: Repeat[]) {
  return { steps: new Array<Step>(count).fill(STEP), repeats };
}

function runsOf(plan: ReturnType<typeof planOf>): string {
  const order: number[] = [];
  visitRuns(plan, (step) => order.push(step));
  const counts = plan.steps.map((_, i) => order.filter((step) => step === i).length);
  expect(countRuns(plan)).toEqual(counts);
  return order.join(" ");
}

describe("visitRuns", () => {
  it("visits steps in order where nothing repeats", () => {
    expect(runsOf(planOf(3))).toBe("0 1 2");
  });

  it("repeats steps, with what stands before and after them once", () => {
    expect(runsOf(planOf(4, { first: 1, size: 2, variants: 1, times: 3, inner: [] }))).toBe("0 1 2 1 2 1 2 3");
  });

  it("takes two variants in turn, also an odd number of times and once", () => {
    const repeat = { first: 1, size: 1, variants: 2, inner: [] };
    expect(runsOf(planOf(4, { ...repeat, times: 5 }))).toBe("0 1 2 1 2 1 3");
    expect(runsOf(planOf(4, { ...repeat, times: 1 }))).toBe("0 1 3");
  });

  it("repeats repeats, those too that begin with the steps around them", () => {
    const inner: Repeat = { first: 0, size: 1, variants: 1, times: 2, inner: [] };
    const outer = { first: 0, size: 2, variants: 2, times: 3, inner: [inner, moveRepeat(inner, 2)] };
    expect(runsOf(planOf(5, outer))).toBe("0 0 1 2 2 3 0 0 1 4");
    expect(runsOf(planOf(6, moveRepeat(outer, 1)))).toBe("0 1 1 2 3 3 4 1 1 2 5");
  });

  it("goes from one repeat to the next", () => {
    const repeat: Repeat = { first: 0, size: 1, variants: 1, times: 2, inner: [] };
    expect(runsOf(planOf(3, repeat, moveRepeat(repeat, 1)))).toBe("0 0 1 1 2");
  });
});
