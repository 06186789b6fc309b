/**
 * Adapters, memory, pipelines, submission and faults.
 *
 * @module
 */
export type { DeviceSource } from "./adapter.ts";
export { cacheFolder } from "./cache_folder.ts";
export type { Bindable, BufferRange } from "./bindable.ts";
export { Device } from "./device.ts";
export type { Counters, DeviceReport, MemoryReport } from "./reports.ts";
export { type OpenDeviceOptions, requestDevice } from "./open.ts";
export type { Compilation } from "./warm_up.ts";
export type { Access, Binding, Grid, Kernel, TextureFormat } from "../../kernels/kernel.ts";
