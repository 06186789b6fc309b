import { matmulVersion } from "../../kernels/matmul_version.ts";
import { cacheFolder, type Device, type OpenDeviceOptions, requestDevice } from "../device/mod.ts";
import { currentExecutor, setExecutor } from "../tensor/executor.ts";
import { type ChoicesFile, readChoices, writeChoices } from "./tune/choices_file.ts";
import { Runtime } from "./run/runtime.ts";
import { Tuner } from "./tune/tuner.ts";

/** Options of {@linkcode openDevice}. */
export interface DeviceOptions extends OpenDeviceOptions {
  /**
   * What decides which kernel computes a product; results have the same bits in any case. `heuristic`: its sizes and the
   * device alone. `remembered`, the default: what was measured on this device before, else the heuristic. `measured`:
   * what is not known yet is measured when a function is compiled, which takes seconds, and remembered in a file
   * `products.json` of the cache folder, which is safe to delete.
   */
  readonly products?: "heuristic" | "remembered" | "measured";
}

/** What chooses kernels by what was measured; `undefined` where one may not look what that is. */
async function tunerOf(
  device: Device,
  { products, report }: { readonly products: "remembered" | "measured"; readonly report: (line: string) => void },
): Promise<Tuner | undefined> {
  const { name, driver } = device.report;
  try {
    const path = `${cacheFolder()}/products.json`;
    const file: ChoicesFile = {
      path,
      // Milliseconds of every start, and without a file nobody asks.
      get version() {
        return matmulVersion();
      },
      device: `${name} | ${driver}`,
      report,
    };
    const known = await readChoices(file);
    if (products === "remembered") return new Tuner(device, { known });
    return new Tuner(device, { known, remember: (learned) => writeChoices(file, learned) });
  } catch (error) {
    if (products === "remembered" && error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

/**
 * Opens a device and makes it the ambient default that tensors compute on: in Deno through Dawn, on a GPU where there
 * is one and on Vulkan in software otherwise; in a browser through `navigator.gpu`. Opening another one later
 * makes that the default; what lies on the earlier one alone cannot be used there.
 *
 * Rejects with an Error that says what was tried and what to install where there is no such device.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const device = await dd.openDevice();
 * console.log(device.limits.maxComputeInvocationsPerWorkgroup >= 128); // true
 * console.log(await dd.tensor([1, 2]).sum().item()); // 3
 * ```
 */
export async function openDevice(options: DeviceOptions = {}): Promise<Device> {
  const { products = "remembered", report = console.warn } = options;
  const device = await requestDevice(options);
  const tuner = products === "heuristic" || !("Deno" in globalThis)
    ? undefined
    : await tunerOf(device, { products, report });
  install(new Runtime(device, { tuner, report: options.report }));
  return device;
}

/**
 * Makes an open device the ambient default that tensors compute on. Kernels of products are then chosen by the
 * heuristic, not by what was measured.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const [one, other] = [await dd.openDevice(), await dd.openDevice()];
 * dd.useDevice(one);
 * await dd.tensor([1, 2]).sum().item();
 * console.log(one.counters().dispatches > 0, other.counters().dispatches); // true 0
 * ```
 */
export function useDevice(device: Device): void {
  install(new Runtime(device));
}

function install(runtime: Runtime): void {
  runtime.install();
  setExecutor(runtime);
}

/**
 * Says what decides which kernels compute products on the ambient device: `heuristic`, or a word for what was measured,
 * with all of it. It is a part of a run's record.
 *
 * Throws an Error where no device is open.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * await dd.openDevice({ products: "heuristic" });
 * console.log(dd.inspect.productChoices()); // heuristic
 * ```
 */
export function productChoices(): string {
  const executor = currentExecutor();
  return executor instanceof Runtime && executor.tuner ? executor.tuner.description : "heuristic";
}
