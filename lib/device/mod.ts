/**
 * Devices themselves: opening one beside the ambient default, what it is, its memory and counters, and the form in which
 * it takes kernels.
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
