/** Numbers by the name of the layer that they belong to, such as a weight's path. */
export type ByLayer = Readonly<Record<string, ArrayLike<number>>>;

/** Length of the numbers as a vector; scaled first, so that no square leaves float64. */
function normOf(values: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i])) return NaN;
    largest = Math.max(largest, Math.abs(values[i]));
  }
  if (largest === 0 || largest === Infinity) return largest;
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] / largest) ** 2;
  return largest * Math.sqrt(sum);
}

/**
 * The Euclidean norm of each layer's numbers: of gradients, of changes, of weights. It is NaN where one of them is.
 *
 * @example
 * ```ts
 * import { normsByLayer } from "@delta-dawn/delta-lora/experiment/instruments";
 *
 * console.log(normsByLayer({ query: [3, 4], value: [0, 0] })); // { query: 5, value: 0 }
 * ```
 */
export function normsByLayer(layers: ByLayer): Record<string, number> {
  return Object.fromEntries(Object.entries(layers).map(([name, values]) => [name, normOf(values)]));
}

/**
 * Cosine of the angle between two changes in each layer, −1 to 1; 0 where one of them is 0.
 *
 * Throws a RangeError where a layer is in one alone, or its sizes differ.
 *
 * @example
 * ```ts
 * import { cosinesByLayer } from "@delta-dawn/delta-lora/experiment/instruments";
 *
 * const cosines = cosinesByLayer({ query: [1, 0], value: [0, 2] }, { query: [0, 3], value: [0, -4] });
 * console.log(cosines); // { query: 0, value: -1 }
 * ```
 */
export function cosinesByLayer(a: ByLayer, b: ByLayer): Record<string, number> {
  const alone = [...Object.keys(a).filter((name) => !(name in b)), ...Object.keys(b).filter((name) => !(name in a))];
  if (alone.length > 0) throw new RangeError(`Cannot compare layers that only one of both has: ${alone.join(", ")}`);
  return Object.fromEntries(
    Object.keys(a).map((name) => {
      const [x, y] = [a[name], b[name]];
      if (x.length !== y.length) {
        throw new RangeError(`Cannot compare ${name} as its sizes differ: ${x.length} and ${y.length}`);
      }
      const [left, right] = [normOf(x), normOf(y)];
      if (left === 0 || right === 0) return [name, 0];
      let dot = 0;
      for (let i = 0; i < x.length; i++) dot += (x[i] / left) * (y[i] / right);
      return [name, Math.min(1, Math.max(-1, dot))];
    }),
  );
}
