/**
 * A permutation of 0 … length − 1 that is a pure function of its arguments: Fisher and Yates' shuffle with numbers of
 * sfc32 ([PractRand](https://pracrand.sourceforge.net)), whose state is seeded with the 53 bits of `seed` and `stream`,
 * the number of the permutation.
 *
 * Throws a RangeError where an argument is no safe integer from 0.
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * const order = data.seededPermutation(4, 2309);
 * console.log([...order].sort()); // [0, 1, 2, 3]
 * console.log(order.join() === data.seededPermutation(4, 2309).join()); // true
 * ```
 */
export function seededPermutation(length: number, seed: number, stream = 0): Uint32Array<ArrayBuffer> {
  for (const [name, value] of Object.entries({ length, seed, stream })) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`Cannot shuffle as ${name} must be a safe integer from 0: ${value}`);
    }
  }
  const next = sfc32(seed >>> 0, Math.floor(seed / 2 ** 32), stream);
  const order = Uint32Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const j = Math.floor(next() / 2 ** 32 * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** Unsigned 32-bit numbers; the first fifteen are thrown away to mix the seed. */
function sfc32(a: number, b: number, c: number): () => number {
  let counter = 1;
  const next = () => {
    const result = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + result | 0;
    return result >>> 0;
  };
  for (let i = 0; i < 15; i++) next();
  return next;
}
