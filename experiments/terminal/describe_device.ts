import type { Device } from "../../lib/device/mod.ts";
import type { Say } from "./say.ts";

/** What would compute faster than this device. */
export function advice(report: Device["report"]): string {
  if (!report.isSoftware) return "this is a hardware device: nothing else to install";
  if (/swiftshader/i.test(report.name)) {
    return "a GPU with its Vulkan driver; without one lavapipe of Mesa 24 or newer, several times as fast as SwiftShader " +
      "(Debian 12, with root: apt-get install -t bookworm-backports mesa-vulkan-drivers libvulkan1)";
  }
  return "a GPU with its Vulkan driver; of devices in software this is the fast one";
}

/** Says which device computes, and what would be faster. */
export function describeDevice({ report }: Device, say: Say): void {
  say(`device: ${report.name} (${report.source})`);
  if (report.isSoftware) say(`faster: ${advice(report)}`);
}
