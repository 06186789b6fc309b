import { type Device, type OpenDeviceOptions, requestDevice } from "../device/mod.ts";
import { setExecutor } from "../tensor/executor.ts";
import { Runtime } from "./runtime.ts";

/**
 * Opens a device and makes it the ambient default that tensors compute on: in Deno through Dawn, on a GPU where there
 * is one and on Vulkan in software otherwise; in a browser through `navigator.gpu`.
 *
 * Throws an Error that says what was tried and what to install where there is no adapter.
 *
 * @example
 * ```ts ignore
 * const device = await openDevice();
 * console.log(device.report.name);
 * ```
 */
export async function openDevice(options: OpenDeviceOptions = {}): Promise<Device> {
  const device = await requestDevice(options);
  useDevice(device);
  return device;
}

/** Makes an open device the ambient default. */
export function useDevice(device: Device): void {
  const runtime = new Runtime(device);
  runtime.install();
  setExecutor(runtime);
}
