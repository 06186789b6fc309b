import type { Device } from "../../lib/device/mod.ts";
import { advice } from "./doctor.ts";

/** Says which device computes, and what would be faster. */
export function describeDevice({ report }: Device, say: (line: string) => void): void {
  say(`device: ${report.name} (${report.source})`);
  if (report.isSoftware) say(`faster: ${advice(report)}`);
}
