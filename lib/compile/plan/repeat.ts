import type { Plan } from "./plan.ts";

/**
 * Steps that run several times. There are one or two variants of them, one after the other, which do the same on memory that
 * changes places: the turns take them in order, again and again.
 */
export interface Repeat {
  /** The first step of the first variant. */
  readonly first: number;
  /** How many steps each variant has. */
  readonly size: number;
  readonly variants: number;
  readonly times: number;
  /** Repeats among these steps, in order. */
  readonly inner: readonly Repeat[];
}

/** The same repeat of steps that stand elsewhere. */
export function moveRepeat(repeat: Repeat, by: number): Repeat {
  return { ...repeat, first: repeat.first + by, inner: repeat.inner.map((one) => moveRepeat(one, by)) };
}

function visitRange([from, to]: readonly [number, number], repeats: readonly Repeat[], visit: (step: number) => void) {
  let step = from;
  for (const { first, size, variants, times, inner } of repeats) {
    if (first < from || first >= to) continue;
    while (step < first) visit(step++);
    for (let turn = 0; turn < times; turn++) {
      const start = first + turn % variants * size;
      visitRange([start, start + size], inner, visit);
    }
    step = first + variants * size;
  }
  while (step < to) visit(step++);
}

/** Visits a plan's steps in the order in which they run, each as often as it does. */
export function visitRuns({ steps, repeats }: Pick<Plan, "steps" | "repeats">, visit: (step: number) => void): void {
  visitRange([0, steps.length], repeats, visit);
}

/** How often each step of a plan runs. */
export function countRuns({ steps, repeats }: Pick<Plan, "steps" | "repeats">): number[] {
  const counts = new Array<number>(steps.length).fill(1);
  const multiply = ({ first, size, variants, times, inner }: Repeat): void => {
    for (let i = 0; i < variants * size; i++) {
      const variant = Math.floor(i / size);
      counts[first + i] *= Math.ceil((times - variant) / variants);
    }
    inner.forEach(multiply);
  };
  repeats.forEach(multiply);
  return counts;
}
