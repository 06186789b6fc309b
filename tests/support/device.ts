import { openDevice } from "../../lib/compile/open_device.ts";
import type { Device } from "../../lib/device/mod.ts";

let opened: Promise<Device> | undefined;

/** The device that the tests of a file share. */
export function testDevice(): Promise<Device> {
  return opened ??= openDevice();
}
