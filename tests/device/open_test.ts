import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { lockFlags } from "../../experiments/runner/locked.ts";
import { openDevice } from "../../lib/compile/open_device.ts";
import { Device, requestDevice } from "../../lib/device/mod.ts";
import { tensor } from "../../lib/tensor/mod.ts";

/** Opens a device, or gives the error where that is what there is to say here. */
async function tryOpen(name: string): Promise<Device | Error> {
  return await requestDevice({ device: name }).catch((error: Error) => error);
}

describe("openDevice", () => {
  it("finds a device where nothing is asked for, and says what it is", async () => {
    using device = await openDevice();
    const { name, source, limits, isSoftware, features } = device.report;
    expect(name).not.toBe("");
    expect(["loader", "environment", "lavapipe", "swiftshader"]).toContain(source);
    expect(limits.maxBufferSize).toBeGreaterThanOrEqual(2 ** 28);
    expect(isSoftware).toBe(/llvmpipe|swiftshader/i.test(name));
    expect(features.every((feature) => device.gpu.features.has(feature))).toBe(true);
    expect(Array.from(await tensor([1, 2]).data())).toEqual([1, 2]);
  });

  it("opens SwiftShader by name, without root and without a driver in the system", async () => {
    const device = await tryOpen("swiftshader");
    const serves = Deno.build.os === "linux" && Deno.build.arch === "x86_64";
    if (!serves) return expect(String(device)).toContain("made for linux on x86_64 only");
    expect(device).toBeInstanceOf(Device);
    const { report } = device as Device;
    expect(report.name.toLowerCase()).toContain("swiftshader");
    expect([report.source, report.isSoftware, report.subgroupSize]).toEqual(["swiftshader", true, 4]);
    (device as Device).destroy();
  });

  it("opens lavapipe by name, or says how to install it", async () => {
    const device = await tryOpen("lavapipe");
    if (device instanceof Error) {
      expect(device.message).toContain("tried: lavapipe (not installed)");
      return expect(device.message).toContain("apt-get install");
    }
    expect(device.report.name).toContain("llvmpipe");
    expect([device.report.source, device.report.isSoftware]).toEqual(["lavapipe", true]);
    device.destroy();
  });

  it("opens a device by part of its name, whatever the case", async () => {
    using first = await requestDevice();
    const part = first.report.name.slice(0, 6);
    for (const name of [part, part.toUpperCase()]) {
      using device = await requestDevice({ device: name });
      expect(device.report.name).toBe(first.report.name);
    }
  });

  it("says which devices there are and what to install where a name fits none", async () => {
    using first = await requestDevice();
    const { message } = await tryOpen("no such device") as Error;
    expect(message).toContain('no device is called "no such device": there is "');
    expect(message.toLowerCase()).toContain(first.report.name.slice(0, 6).toLowerCase());
    expect(message).toContain("lavapipe, swiftshader and browser");
    expect(message).toContain("Install a Vulkan driver that Dawn accepts");
    expect((await tryOpen("") as Error).message).toContain("names nothing");
  });

  it("leaves the environment as it was after looking for a driver", async () => {
    const before = Deno.env.get("VK_ICD_FILENAMES");
    using _device = await requestDevice({ device: "swiftshader" });
    expect(Deno.env.get("VK_ICD_FILENAMES")).toBe(before);
  });

  it("refuses drivers that the environment names and that are not there, and says what was tried", async () => {
    const program = `import { requestDevice } from "${import.meta.resolve("../../lib/device/mod.ts")}";
      await requestDevice().catch((error) => console.log(error.message));`;
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", ...lockFlags(), "--no-check", program],
      env: { VK_ICD_FILENAMES: "/nowhere/driver.json", NO_COLOR: "1" },
      stderr: "null",
    }).output();
    const text = new TextDecoder().decode(stdout);
    expect(text).toContain("no WebGPU device on this machine\ntried: environment (no device)");
    expect(text).toContain("Install a Vulkan driver that Dawn accepts");
  });
});
