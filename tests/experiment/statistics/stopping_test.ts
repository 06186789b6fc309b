import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { mersenne } from "pure-rand/generator/mersenne";
import { looksOf, meanInterval, nextSeeds } from "../../../lib/experiment/mod.ts";
import { normals } from "../samples_of_scores.ts";

const MOST = 60;
const REPETITIONS = 1500;
/** Of a share of 0.95. */
const STANDARD_ERROR = Math.sqrt(0.95 * 0.05 / REPETITIONS);

/** Right answers among 400, of a chance. */
function accuracies(count: number, { seed, chance }: { readonly seed: number; readonly chance: number }): number[] {
  // Near enough to binomial with so many examples, and rounded to whole ones as accuracies are.
  const spread = Math.sqrt(400 * chance * (1 - chance));
  return normals(count, seed).map((z) => Math.round(400 * chance + spread * z) / 400);
}

/** Differences with the mean 0, and their spread. */
const KINDS: Readonly<Record<string, { readonly spread: number; readonly draw: (seed: number) => number[] }>> = {
  "normally distributed": { spread: 1, draw: (seed) => normals(MOST, seed) },
  "exponentially distributed": {
    spread: 1,
    draw: (seed) => {
      const random = mersenne(seed);
      return Array.from({ length: MOST }, () => -Math.log(1 - uniformFloat64(random)) - 1);
    },
  },
  "of accuracies of 400 examples": {
    spread: Math.sqrt(2 * 0.8 * 0.2 / 400),
    draw: (seed) => {
      const [ours, theirs] = [0, 1].map((side) => accuracies(MOST, { seed: 2 * seed + side, chance: 0.8 }));
      return ours.map((value, i) => value - theirs[i]);
    },
  },
};

/** The interval that is left where pairs on each task are added until its width allows, and how many seeds there are. */
function stopped(values: readonly (readonly number[])[], width: number) {
  const found = new Map<number, readonly [number, number]>();
  const [tasks, most] = [values.length, MOST / values.length];
  const intervalAt = (seeds: number) => {
    if (!found.has(seeds)) found.set(seeds, meanInterval(values.map((own) => own.slice(0, seeds)))!);
    return found.get(seeds)!;
  };
  const widthAt = (seeds: number) => intervalAt(seeds)[1] - intervalAt(seeds)[0];
  let done = 0;
  for (let next; (next = nextSeeds(done, { tasks, widthAt, width, most })) !== undefined;) done = next;
  return { interval: intervalAt(done), done };
}

describe("intervals of pairs that are added until widths allow", () => {
  for (const [name, { spread, draw }] of Object.entries(KINDS)) {
    for (const tasks of [1, 4]) {
      const where = tasks === 1 ? "" : `, on each of ${tasks} tasks`;
      it(`hold the mean in at least 93 % of cases where differences are ${name}${where}`, () => {
        // As many values as there are pairs at most, in turns of the tasks.
        const draws = Array.from({ length: REPETITIONS }, (_, i) => {
          const values = draw(500_000 + i);
          return Array.from({ length: tasks }, (_, task) => values.filter((_, k) => k % tasks === task));
        });
        // Widths that so many pairs of the spread have by the normal distribution: from the first look to the last.
        for (const pairs of [8, 16, 30, 60]) {
          const ends = draws.map((values) => stopped(values, 2 * 1.96 * spread / Math.sqrt(pairs)));
          const held = ends.filter(({ interval: [low, high] }) => low <= 0 && high >= 0).length;
          expect(held / REPETITIONS).toBeGreaterThanOrEqual(0.93);
          expect(tasks * Math.min(...ends.map(({ done }) => done))).toBeGreaterThanOrEqual(8);
        }
      });
    }

    it(`hold it as often as they say with a number of pairs that is fixed, where differences are ${name}`, () => {
      const draws = Array.from({ length: REPETITIONS }, (_, i) => draw(700_000 + i));
      for (const pairs of [8, 20, 60]) {
        const held = draws.filter((values) => {
          const [low, high] = meanInterval([values.slice(0, pairs)])!;
          return low <= 0 && high >= 0;
        });
        expect(held.length / REPETITIONS).toBeGreaterThanOrEqual(0.95 - 2.5 * STANDARD_ERROR);
      }
    });
  }

  it("are looked at by their width alone: signs and sizes of differences change nothing", () => {
    for (let seed = 0; seed < 50; seed++) {
      const values = normals(MOST, seed);
      const turned = values.map((value) => 5 - value);
      expect(stopped([turned], 1).done).toBe(stopped([values], 1).done);
    }
  });
});

describe("nextSeeds()", () => {
  it("begins with 8 pairs over all tasks and grows by a half, up to the most", () => {
    expect(looksOf({ tasks: 1, most: 60 })).toEqual([8, 12, 18, 27, 41, 60]);
    expect(looksOf({ tasks: 3, most: 20 })).toEqual([3, 5, 8, 12, 18, 20]);
    expect(looksOf({ tasks: 12, most: 5 })).toEqual([2, 3, 5]);
    expect(looksOf({ tasks: 1, most: 4 })).toEqual([4]);
  });

  it("ends at the second of two looks that are narrow enough, and at the last", () => {
    const next = (done: number, widths: readonly number[]) => {
      const looks = looksOf({ tasks: 1, most: 60 });
      return nextSeeds(done, { tasks: 1, most: 60, width: 1, widthAt: (seeds) => widths[looks.indexOf(seeds)] });
    };
    expect(next(0, [])).toBe(8);
    expect(next(8, [0.5])).toBe(12);
    expect(next(12, [0.5, 1])).toBeUndefined();
    expect(next(12, [0.5, 1.1])).toBe(18);
    expect(next(18, [0.5, 1.1, 0.9])).toBe(27);
    expect(next(27, [0.5, 1.1, 0.9, 0.9])).toBeUndefined();
    expect(next(60, [2, 2, 2, 2, 2, 2])).toBeUndefined();
    expect(next(8, [Infinity])).toBe(12);
  });
});

describe("meanInterval()", () => {
  it("is Student's interval at seven tenths of the tails where values are symmetrical, of SciPy's quantiles", () => {
    // scipy.stats.t.ppf([0.9825, 0.95], 4)
    const values = [-2, -1, 0, 1, 2];
    const error = Math.sqrt(2.5 / 5);
    expect(meanInterval([values])![1]).toBeCloseTo(3.135474721 * error, 6);
    expect(meanInterval([values])![0]).toBeCloseTo(-3.135474721 * error, 6);
    expect(meanInterval([values], { confidence: 0.9, tails: 1 })![1]).toBeCloseTo(2.131846786 * error, 6);
  });

  it("reaches further to the side of the tail, and nowhere less far than Student's", () => {
    const values = [0, 0, 0, 0, 1, 1, 2, 8];
    const [low, high] = meanInterval([values])!;
    const [below, above] = meanInterval([values.map((value) => -value)])!;
    expect([below, above].map((end) => -end)).toEqual([high, low]);
    const middle = 12 / 8;
    expect(high - middle).toBeGreaterThan(middle - low);
    const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / 7);
    // scipy.stats.t.ppf(0.9825, 7)
    expect(middle - low).toBeCloseTo(2.608296165 * spread / Math.sqrt(8), 6);
  });

  it("lets each task weigh the same, and is none where a task has a single value", () => {
    expect(meanInterval([[1, 1], [0, 0, 0, 0, 0, 0]])).toEqual([0.5, 0.5]);
    expect(meanInterval([[0.1, 0.2], [0.3]])).toBeUndefined();
    expect(meanInterval([])).toBeUndefined();
    expect(() => meanInterval([[1, 2]], { confidence: 95 })).toThrow(/between 0 and 1: 95/);
  });
});
