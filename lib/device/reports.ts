import type { DeviceSource } from "./adapter.ts";

/** What a device is, as its WebGPU adapter tells: a GPU, or a software driver in its place. */
export interface DeviceReport {
  /** Where it was found. */
  readonly source: DeviceSource;
  /** What it calls itself. */
  readonly name: string;
  /** Name and version of its driver; empty where it does not tell. */
  readonly driver: string;
  /** Who made it; empty where it does not tell. */
  readonly vendor: string;
  /** Its family, as the driver calls it; empty where it does not tell. */
  readonly architecture: string;
  /** Whether it computes on the processor. */
  readonly isSoftware: boolean;
  /** Lanes of a subgroup; 0 where there are no subgroups, or of no fixed size. */
  readonly subgroupSize: number;
  /** Whether kernels may read storage textures, which is a feature of the shader language. */
  readonly readsTextures: boolean;
  /**
   * Optional features of WebGPU that the device was opened with: some of `shader-f16`, `subgroups` and
   * `timestamp-query`.
   */
  readonly features: readonly string[];
  /** Limits that the device was opened with, by WebGPU's names, such as `maxBufferSize` in bytes. */
  readonly limits: Readonly<Record<string, number>>;
}

/** Bytes in the buffers and textures of a device. */
export interface MemoryReport {
  /** Bytes in use now. */
  readonly liveBytes: number;
  /** The most bytes that were in use at once since opening, or since the last `resetPeak()`. */
  readonly peakBytes: number;
  /** Bytes that are not in use, and kept for reuse. */
  readonly pooledBytes: number;
}

/** How often a device did what takes time, since it was opened. */
export interface Counters {
  /** Command buffers that were handed to the device. */
  readonly submissions: number;
  /** Kernels that were started. */
  readonly dispatches: number;
  /** Buffers and textures that were created. */
  readonly buffers: number;
  /** Pipelines that were created. */
  readonly pipelines: number;
  /** Bind groups that were created. */
  readonly bindGroups: number;
}
