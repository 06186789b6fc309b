import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { mersenne } from "pure-rand/generator/mersenne";
import type { ScoredRun } from "../../lib/experiment/mod.ts";

/** Numbers of the standard normal distribution (Box and Muller's way). */
export function normals(count: number, seed: number): number[] {
  const random = mersenne(seed);
  return Array.from({ length: count }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - uniformFloat64(random)));
    return radius * Math.cos(2 * Math.PI * uniformFloat64(random));
  });
}

/** What {@linkcode drawnRows} draws. */
export interface DrawnRows {
  /** Mean score by method. */
  readonly means: Readonly<Record<string, number>>;
  readonly tasks: readonly string[];
  readonly seeds: number;
  /** Spread of a score about what all methods share on a task and seed. */
  readonly spread: number;
  readonly seed: number;
}

/** Scores of methods on tasks × seeds: what pairs share, and noise of each run's own. */
export function drawnRows({ means, tasks, seeds, spread, seed }: DrawnRows): ScoredRun[] {
  const methods = Object.entries(means);
  const noise = normals(tasks.length * seeds * (methods.length + 1), seed);
  let next = 0;
  return tasks.flatMap((task, t) =>
    Array.from({ length: seeds }, (_, index) => {
      const shared = 0.02 * noise[next++] - 0.05 * t;
      return methods.map(([method, mean]) => ({
        task,
        seed: index,
        method,
        score: mean + shared + spread * noise[next++],
      }));
    }).flat()
  );
}
