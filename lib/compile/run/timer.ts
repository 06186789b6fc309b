import type { Device } from "../../device/device.ts";

const USAGE = { copySource: 0x4, queryResolve: 0x200 } as const;

/** Times dispatches by timestamps that the device writes; each dispatch needs a compute pass of its own. */
export class Timer {
  readonly #queries: GPUQuerySet;
  readonly #buffer: GPUBuffer;

  /** Whether a device writes timestamps. */
  static isThere({ report }: Device): boolean {
    return report.features.includes("timestamp-query");
  }

  constructor(readonly device: Device, readonly count: number) {
    this.#queries = device.gpu.createQuerySet({ type: "timestamp", count: 2 * count });
    this.#buffer = device.gpu.createBuffer({ size: 16 * count, usage: USAGE.copySource | USAGE.queryResolve });
  }

  /** Where the pass of a dispatch writes when it begins and ends. */
  writes(dispatch: number): GPUComputePassTimestampWrites {
    return {
      querySet: this.#queries,
      beginningOfPassWriteIndex: 2 * dispatch,
      endOfPassWriteIndex: 2 * dispatch + 1,
    };
  }

  /** Ends the recording. */
  resolve(encoder: GPUCommandEncoder): void {
    encoder.resolveQuerySet(this.#queries, 0, 2 * this.count, this.#buffer, 0);
  }

  /** Seconds of each dispatch, once the work is done. */
  async seconds(): Promise<number[]> {
    const times = new BigInt64Array(await this.device.read(this.#buffer, 16 * this.count));
    return Array.from({ length: this.count }, (_, i) => Number(times[2 * i + 1] - times[2 * i]) / 1e9);
  }

  /** Frees what it holds. */
  [Symbol.dispose](): void {
    this.#queries.destroy();
    this.#buffer.destroy();
  }
}
