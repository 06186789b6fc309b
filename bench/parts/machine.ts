import { cpus } from "node:os";
import type { Device } from "../../mod.ts";
import { isModified, PACKAGE_VERSION } from "../../experiments/runner/versions.ts";
import config from "../../deno.json" with { type: "json" };
import type { Machine } from "../report/document.ts";

/** Describes the machine, the device that computes and the versions, with those of `others`. */
export async function describeMachine(device: Device, others: readonly string[]): Promise<Machine> {
  const { name, driver, isSoftware, subgroupSize } = device.report;
  const processors = cpus();
  return {
    processor: processors[0]?.model.trim() || "unknown processor",
    cores: processors.length,
    memoryBytes: Deno.systemMemoryInfo().total,
    system: `${Deno.build.os} ${Deno.build.arch}, kernel ${Deno.osRelease()}`,
    device: name,
    driver: driver || "does not tell",
    isSoftware,
    subgroupSize,
    versions: [
      `delta-lora ${PACKAGE_VERSION}`,
      `deno ${Deno.version.deno}`,
      `v8 ${Deno.version.v8}`,
      config.scopes["./"].webgpu.replace("npm:", "").replace("@", " "),
      ...others,
    ],
    isModified: await isModified(),
  };
}
