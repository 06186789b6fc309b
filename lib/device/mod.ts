/**
 * Adapters, memory, pipelines, submission and faults.
 *
 * @module
 */
export type { AdapterSource } from "./adapter.ts";
export { type AdapterReport, type Counters, Device, type MemoryReport } from "./device.ts";
export { type OpenDeviceOptions, requestDevice } from "./open.ts";
