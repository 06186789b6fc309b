import { findAdapter } from "../../lib/device/adapter.ts";
import { Device } from "../../lib/device/mod.ts";
import { paced } from "../../lib/device/settle.ts";

/** A device of the same adapter without optional features: no subgroups, no f16, no timestamps. */
export async function openPlain({ report }: Device): Promise<Device> {
  const { source } = report;
  const { adapter } = await findAdapter({
    device: source === "loader" || source === "environment" ? undefined : source,
  });
  const gpu = await paced(adapter.requestDevice());
  const limits = { ...report.limits };
  for (const name of Object.keys(limits)) limits[name] = (gpu.limits as unknown as Record<string, number>)[name];
  return new Device(gpu, { ...report, features: [], subgroupSize: 0, limits });
}
