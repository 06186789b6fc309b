import type { Device } from "../../mod.ts";

const USAGE = { copySource: 0x4, queryResolve: 0x200 } as const;
/** A set of WebGPU's has no more queries. */
const MAX_QUERIES = 4096;

/** When a compute pass began and ended: milliseconds by the device's clock. */
export interface PassSpan {
  readonly began: number;
  readonly ended: number;
}

/**
 * Lets a device write down when each compute pass begins and ends, while passes stay as they are: a step of training is
 * one pass, so that what lies between two is what the device spends on copies and on waiting for JavaScript.
 */
export class PassClock {
  readonly #device: Device;
  readonly #queries: GPUQuerySet;
  readonly #buffer: GPUBuffer;
  #passes = 0;

  /** Whether a device can. */
  static isThere({ report }: Device): boolean {
    return report.features.includes("timestamp-query");
  }

  /** Begins to watch the passes that are encoded from now on, up to `limit` of them. Throws where a device cannot. */
  constructor(device: Device, limit: number) {
    if (!PassClock.isThere(device)) throw new Error(`cannot time passes as ${device.report.name} has no timestamps`);
    if (2 * limit > MAX_QUERIES) throw new RangeError(`cannot time ${limit} passes: ${MAX_QUERIES / 2} are the most`);
    this.#device = device;
    const { gpu } = device;
    const queries = this.#queries = gpu.createQuerySet({ type: "timestamp", count: 2 * limit });
    this.#buffer = gpu.createBuffer({ size: 16 * limit, usage: USAGE.copySource | USAGE.queryResolve });
    const createEncoder = gpu.createCommandEncoder.bind(gpu);
    // The object's own methods hide those of its class until they are deleted again.
    gpu.createCommandEncoder = (descriptor) => {
      const encoder = createEncoder(descriptor);
      const begin = encoder.beginComputePass.bind(encoder);
      encoder.beginComputePass = (options) => {
        if (this.#passes === limit) return begin(options);
        const at = 2 * this.#passes++;
        const timestampWrites = {
          querySet: queries,
          beginningOfPassWriteIndex: at,
          endOfPassWriteIndex: at + 1,
        };
        return begin({ ...options, timestampWrites });
      };
      return encoder;
    };
  }

  /** Ends the watch and waits for what is under way: the passes in their order. */
  async spans(): Promise<PassSpan[]> {
    this.#stop();
    const count = this.#passes;
    this.#device.submit((encoder) => encoder.resolveQuerySet(this.#queries, 0, 2 * count, this.#buffer, 0));
    const times = new BigInt64Array(await this.#device.read(this.#buffer, 16 * count));
    const at = (i: number) => Number(times[i] - times[0]) / 1e6;
    return Array.from({ length: count }, (_, i) => ({ began: at(2 * i), ended: at(2 * i + 1) }));
  }

  #stop(): void {
    delete (this.#device.gpu as Partial<GPUDevice>).createCommandEncoder;
  }

  /** Frees what it holds. */
  [Symbol.dispose](): void {
    this.#stop();
    this.#queries.destroy();
    this.#buffer.destroy();
  }
}
