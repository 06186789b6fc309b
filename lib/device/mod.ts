/**
 * Adapters, memory, pipelines, submission and faults.
 *
 * @module
 */
export type { AdapterSource, FindOptions } from "./adapter.ts";
export { type AdapterReport, type Counters, Device, type MemoryReport, type UniformRange } from "./device.ts";
export { type OpenDeviceOptions, requestDevice } from "./open.ts";
export type { Access, Grid, Kernel } from "../../kernels/kernel.ts";
