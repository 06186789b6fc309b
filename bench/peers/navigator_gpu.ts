import { findAdapter } from "../../lib/device/adapter.ts";
import type { Device } from "../../lib/device/mod.ts";

const COPY_TARGET = 0x8;

/**
 * Gives libraries for browsers a `navigator.gpu` that finds the adapter of a device, so that all compute on the same
 * one, and the class of its buffers: TensorFlow.js asks for it before it reuses one, and would lose all of them.
 * Nothing changes where the device came from `navigator.gpu` itself.
 */
export function offerAdapter(device: Device, wanted: string | undefined): void {
  if (device.report.source === "browser") return;
  const gpu = {
    // An adapter makes one device: whoever asks gets one of their own.
    requestAdapter: async () => (await findAdapter({ device: wanted })).adapter,
    getPreferredCanvasFormat: () => "bgra8unorm",
    wgslLanguageFeatures: new Set<string>(),
  };
  Object.defineProperty(globalThis.navigator, "gpu", { value: gpu, configurable: true });
  const buffer = device.gpu.createBuffer({ size: 4, usage: COPY_TARGET });
  Object.defineProperty(globalThis, "GPUBuffer", { value: buffer.constructor, configurable: true });
  buffer.destroy();
}
