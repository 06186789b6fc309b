import {
  type DispatchTime,
  jit,
  type JittedFunction,
  type LiftedAll,
  matmul,
  mul,
  random,
  type Roofline,
  type Tensor,
} from "../../mod.ts";

/** Floats of the copies of which the best rate counts: as many as caches hold, and more. */
const COPY_ELEMENTS = [2 ** 18, 2 ** 22];
/** Times that each probe runs in a round. */
const PROBE_RUNS = 3;

/** The time of a function of one dispatch. */
async function once<Args extends Tensor[]>(
  probe: Pick<JittedFunction<(...args: Args) => Tensor>, "profile">,
  args: LiftedAll<Args>,
): Promise<DispatchTime> {
  const { value, dispatches: [dispatch] } = await probe.profile(...args);
  value.dispose();
  return dispatch;
}

/** Small functions of one dispatch each that show what the device does at best, timed as the step's dispatches are. */
export class Probes {
  readonly #nn = jit((x: Tensor, y: Tensor) => matmul(x, y));
  readonly #nt = jit((x: Tensor, y: Tensor) => matmul(x, y, { transposeB: true }));
  readonly #double = jit((x: Tensor) => mul(x, 2));
  readonly #matrices: [Tensor, Tensor];
  readonly #copied = COPY_ELEMENTS.map((count) => random.uniform(random.key(2), [count]));
  readonly #small = random.uniform(random.key(3), [4]);
  #gflopsPerSecond = 0;
  #gigabytesPerSecond = 0;
  #dispatchSeconds = Infinity;

  /** Probes with products of `size` × `size` matrices. */
  constructor(size: number) {
    const matrix = (key: number) => random.normal(random.key(key), [size, size]);
    this.#matrices = [matrix(0), matrix(1)];
  }

  /** The best of all rounds so far. */
  get roofline(): Roofline {
    return {
      gflopsPerSecond: this.#gflopsPerSecond,
      gigabytesPerSecond: this.#gigabytesPerSecond,
      dispatchSeconds: this.#dispatchSeconds,
    };
  }

  /** Runs all probes. */
  async round(): Promise<void> {
    for (let i = 0; i < PROBE_RUNS; i++) {
      for (const product of [this.#nn, this.#nt]) {
        const { operations, seconds } = await once(product, this.#matrices);
        this.#gflopsPerSecond = Math.max(this.#gflopsPerSecond, operations / seconds / 1e9);
      }
      for (const tensor of this.#copied) {
        const { bytes, seconds } = await once(this.#double, [tensor]);
        this.#gigabytesPerSecond = Math.max(this.#gigabytesPerSecond, bytes / seconds / 1e9);
      }
      this.#dispatchSeconds = Math.min(this.#dispatchSeconds, (await once(this.#double, [this.#small])).seconds);
    }
  }

  /** Gives back what they hold. */
  dispose(): void {
    for (const probe of [this.#nn, this.#nt, this.#double]) probe.dispose();
    for (const tensor of [...this.#matrices, ...this.#copied, this.#small]) tensor.dispose();
  }
}
