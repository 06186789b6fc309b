import type { Device } from "../device/device.ts";
import type { Plan } from "./plan.ts";
import { trafficOf } from "./traffic.ts";

const USAGE = { copySource: 0x4, queryResolve: 0x200 } as const;

/** What a dispatch took on the device. */
export interface DispatchTime {
  /** Name of the kernel. */
  readonly kernel: string;
  /** Workgroups in x, y and z. */
  readonly grid: readonly [number, number, number];
  /** Bytes that it reads and writes, each element that it needs once. */
  readonly bytes: number;
  /** Multiplications and additions of a product; 0 for everything else. */
  readonly operations: number;
  /** The time that it takes. */
  readonly seconds: number;
}

/** How dispatches were timed: by timestamps that the device writes, or each by what its repetition adds to a wait. */
export type ProfileClock = "timestamps" | "difference";

/** Times of the dispatches of a plan. */
export function dispatchTimes(plan: Plan, seconds: readonly number[]): DispatchTime[] {
  return plan.steps.map((step, i) => {
    const { read, written } = trafficOf(plan, step);
    const { kernel, grid, operations } = step;
    return { kernel: kernel.name, grid, operations, bytes: read + written, seconds: seconds[i] };
  });
}

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
