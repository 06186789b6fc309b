import { openDevice } from "../../lib/compile/open_device.ts";
import type { Device } from "../../lib/device/mod.ts";
import { TEST_DEVICE } from "./devices.ts";

let opened: Promise<Device> | undefined;

/** The device that the tests of a file share. */
export function testDevice(): Promise<Device> {
  return opened ??= openDevice({ device: TEST_DEVICE, products: "heuristic" });
}

/**
 * Waits until nothing is under way on the shared device. For `afterAll` where tests leave steps in flight: Dawn aborts
 * the process when a file ends while it still owes an answer.
 */
export async function deviceIdle(): Promise<void> {
  const device = await testDevice();
  await device.done();
}
