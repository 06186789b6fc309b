import { findAdapter, isSoftware, nameOf } from "./adapter.ts";
import { Device } from "./device.ts";
import type { DeviceReport } from "./reports.ts";
import { paced } from "./settle.ts";

/** What device is asked for: options of `openDevice()` and `device.requestDevice()`. */
export interface OpenDeviceOptions {
  /**
   * `swiftshader`, `lavapipe`, `browser` (the runtime's own `navigator.gpu`), or part of a device's name, whatever its
   * case. By default the best that is found: a GPU, lavapipe, SwiftShader.
   */
  readonly device?: string;
  /** Hears, a line at a time, of what takes long, such as a download or compiling a function. */
  readonly report?: (line: string) => void;
  /** Lets Dawn's warnings through that every software device gets; `false` by default. */
  readonly verbose?: boolean;
}

const FEATURES = ["shader-f16", "subgroups", "timestamp-query"] as const;
/** Limits that are no upper bounds of something to ask for. */
const FIXED_LIMITS = new Set(["minSubgroupSize", "maxSubgroupSize"]);

function limitsOf(limits: GPUSupportedLimits): Record<string, number> {
  const found: Record<string, number> = {};
  const add = (name: string) => {
    const value: unknown = Reflect.get(limits, name);
    if (typeof value === "number" && !FIXED_LIMITS.has(name)) found[name] = value;
  };
  for (const name in limits) add(name);
  // Getters live on the prototype.
  for (const name of Object.getOwnPropertyNames(Object.getPrototypeOf(limits))) add(name);
  return found;
}

/** Whether the language reads storage textures: asked of the compiler, which knows on every source of adapters. */
async function readsTextures(gpu: GPUDevice): Promise<boolean> {
  gpu.pushErrorScope("validation");
  gpu.createShaderModule({ code: "requires readonly_and_readwrite_storage_textures;" });
  return await paced(gpu.popErrorScope()) === null;
}

/**
 * Whether pipelines are compiled to the end beforehand, with the help of another device: lavapipe does it only when one is
 * first used, in the one thread of a queue. Not with the runtime's own WebGPU: waits are what takes long there, 10 ms each
 * in Deno.
 */
function isWarmedUp({ source, name }: DeviceReport): boolean {
  return source !== "browser" && /llvmpipe/i.test(name);
}

/**
 * Opens a device with the limits and features that its adapter has, and leaves the ambient default as it is:
 * {@linkcode useDevice} makes it that, and `openDevice()` does both. In Deno it is found through Dawn, in a browser
 * through `navigator.gpu`.
 *
 * Rejects with an Error that says what was tried and what to install where there is no such device.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const device = await dd.device.requestDevice();
 * dd.useDevice(device);
 * console.log(await dd.tensor([1, 2]).sum().item()); // 3
 * ```
 */
export async function requestDevice(options: OpenDeviceOptions = {}): Promise<Device> {
  const { gpu, report } = await open(options);
  const openHelper = async () => {
    const { gpu, report } = await open(options);
    return new Device(gpu, report);
  };
  return new Device(gpu, report, isWarmedUp(report) ? openHelper : undefined);
}

async function open(options: OpenDeviceOptions): Promise<{ gpu: GPUDevice; report: DeviceReport }> {
  const { adapter, source } = await findAdapter(options);
  const features = FEATURES.filter((name) => adapter.features.has(name));
  const requiredLimits = limitsOf(adapter.limits);
  const gpu = await paced(
    adapter.requestDevice({ requiredFeatures: features, requiredLimits }),
  );
  const info: GPUAdapterInfo & { subgroupMinSize?: number; subgroupMaxSize?: number } = adapter.info;
  const hasOneSize = features.includes("subgroups") && info.subgroupMinSize === info.subgroupMaxSize;
  const report: DeviceReport = {
    source,
    name: nameOf(info),
    driver: info.description ?? "",
    vendor: info.vendor ?? "",
    architecture: info.architecture ?? "",
    isSoftware: isSoftware(info),
    readsTextures: await readsTextures(gpu),
    subgroupSize: hasOneSize ? info.subgroupMaxSize ?? 0 : 0,
    features,
    limits: limitsOf(gpu.limits),
  };
  return { gpu, report };
}
