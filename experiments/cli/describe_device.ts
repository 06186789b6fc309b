import type { Device } from "../../lib/device/mod.ts";
import { advice } from "./doctor.ts";

/** Says which adapter computes, and what would be faster. */
export function describeDevice({ report }: Device, say: (line: string) => void): void {
  say(`adapter: ${report.name} (${report.source})`);
  if (report.isSoftware) say(`faster: ${advice(report)}`);
}
