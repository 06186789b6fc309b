const [N, M] = [624, 397];

/** The state of MT19937 after a seed, as `torch.Generator.manual_seed` sets it. */
function seeded(seed: number): Uint32Array {
  const state = new Uint32Array(N);
  state[0] = seed;
  for (let i = 1; i < N; i++) {
    const last = state[i - 1] ^ (state[i - 1] >>> 30);
    state[i] = Math.imul(1_812_433_253, last) + i;
  }
  return state;
}

/** The next 624 words of the sequence, in the place of the last ones. */
function turn(state: Uint32Array): void {
  for (let i = 0; i < N; i++) {
    const word = (state[i] & 0x80000000) | (state[(i + 1) % N] & 0x7fffffff);
    state[i] = state[(i + M) % N] ^ (word >>> 1) ^ (word & 1 ? 0x9908b0df : 0);
  }
}

function tempered(word: number): number {
  let x = word ^ (word >>> 11);
  x ^= (x << 7) & 0x9d2c5680;
  x ^= (x << 15) & 0xefc60000;
  return x ^ (x >>> 18);
}

/**
 * Numbers as PyTorch's `uniform_` draws them on the CPU in f32, one after the other, from a generator with a seed: by the
 * Mersenne Twister ([Matsumoto and Nishimura 1998](https://doi.org/10.1145/272991.272995)), whose lower 24 bits are the
 * fraction. PEFT's VeRA makes its matrices of them.
 *
 * The function that is given back fills an array with the next numbers, uniform on ±bound.
 */
export function torchUniform(seed: number): (count: number, bound: number) => Float32Array<ArrayBuffer> {
  const state = seeded(seed);
  let next = N;
  const word = () => {
    if (next === N) {
      turn(state);
      next = 0;
    }
    return tempered(state[next++]);
  };
  return (count, bound) => {
    const from = Math.fround(-bound);
    const width = Math.fround(Math.fround(bound) - from);
    return Float32Array.from({ length: count }, () => (word() & 0xffffff) * 2 ** -24 * width + from);
  };
}
