import { expect } from "expect";
import { type Shape, sizeOf } from "../../lib/tensor/shape.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";

/** Numbers that look random and are the same every time, in [−2, 2). */
export class Numbers {
  #state: number;

  constructor(seed = 1) {
    this.#state = seed;
  }

  /** The next number in [0, 1), by mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number below `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** A tensor of numbers in [min, max). */
  tensor(shape: Shape, { min = -2, max = 2 }: { readonly min?: number; readonly max?: number } = {}): Tensor {
    const data = Float32Array.from({ length: sizeOf(shape) }, () => min + (max - min) * this.next());
    return tensor(data, { shape });
  }

  /** A tensor of distinct numbers in random order, 1/32 apart, from `start` on. */
  grid(shape: Shape, start = 0): Tensor {
    const data = Float32Array.from({ length: sizeOf(shape) }, (_, i) => start + i / 32);
    for (let i = data.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [data[i], data[j]] = [data[j], data[i]];
    }
    return tensor(data, { shape });
  }

  /** A tensor of whole numbers below `limit`. */
  ids(shape: Shape, limit: number): Tensor {
    return tensor(Int32Array.from({ length: sizeOf(shape) }, () => this.below(limit)), { shape });
  }
}

/** The largest difference of two lists, relative to 1 + the size of what is wanted; NaN equals NaN. */
export function worstError(got: ArrayLike<number>, wanted: ArrayLike<number>): number {
  expect(got.length).toBe(wanted.length);
  let worst = 0;
  for (let i = 0; i < wanted.length; i++) {
    if (Object.is(got[i], wanted[i]) || (Number.isNaN(got[i]) && Number.isNaN(wanted[i]))) continue;
    const error = Math.abs(got[i] - wanted[i]) / (1 + Math.abs(wanted[i]));
    if (!(error <= worst)) worst = error;
  }
  return worst;
}

/** Fails where two lists differ by more than `tolerance`, relative to 1 + the size of what is wanted. */
export function expectClose(got: ArrayLike<number>, wanted: ArrayLike<number>, tolerance = 2e-5): void {
  expect(worstError(got, wanted)).toBeLessThanOrEqual(tolerance);
}

/** The bits of numbers. */
export function bits(data: ArrayLike<number>): number[] {
  return Array.from(new Uint32Array(Float32Array.from(Array.from(data)).buffer));
}
