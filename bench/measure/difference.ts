/** The largest difference of two lists, relative to `scale` + the size of what is wanted; Infinity where one is no number. */
export function worstDifference(got: ArrayLike<number>, wanted: ArrayLike<number>, scale = 1): number {
  if (got.length !== wanted.length) return Infinity;
  let worst = 0;
  for (let i = 0; i < wanted.length; i++) {
    const difference = Math.abs(got[i] - wanted[i]) / (scale + Math.abs(wanted[i]));
    if (!Number.isFinite(difference)) return Infinity;
    worst = Math.max(worst, difference);
  }
  return worst;
}

/** Lists by name, such as the gradients of all parameters. */
export type Lists = Readonly<Record<string, ArrayLike<number>>>;

/** Gradients that are nothing but rounding, such as those of keys' biases, are measured against the largest of all. */
const SMALLEST_SHARE = 1e-3;

/**
 * The largest difference of gradients, each relative to the largest element of its parameter's; Infinity where one is
 * missing.
 */
export function worstGradientDifference(got: Lists, wanted: Lists): number {
  const largest = (list: ArrayLike<number>) => Array.from(list).reduce((top, x) => Math.max(top, Math.abs(x)), 0);
  const tops = Object.entries(wanted).map(([name, list]) => [name, largest(list)] as const);
  const floor = SMALLEST_SHARE * Math.max(...tops.map(([, top]) => top));
  let worst = 0;
  for (const [name, top] of tops) {
    if (got[name]?.length !== wanted[name].length) return Infinity;
    const scale = Math.max(floor, top);
    for (let i = 0; i < wanted[name].length; i++) {
      const difference = Math.abs(got[name][i] - wanted[name][i]) / scale;
      if (!Number.isFinite(difference)) return Infinity;
      worst = Math.max(worst, difference);
    }
  }
  return worst;
}
