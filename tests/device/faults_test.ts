import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import type { Device } from "../../lib/device/mod.ts";
import { everyDevice, openLike } from "../support/devices.ts";

/** Makes WebGPU report a validation error: no buffer may have these usages together. */
function provoke(device: Device): void {
  device.gpu.createBuffer({ size: 16, usage: 0x1 | 0x80 });
}

describe("faults of a device", () => {
  let devices: readonly Device[];
  beforeAll(async () => void (devices = await everyDevice()));
  afterAll(() => devices.forEach((device) => device.destroy()));

  it("reject the next wait, once, whichever implementation reports them", async () => {
    for (const device of devices) {
      provoke(device);
      await expect(device.done()).rejects.toThrow(/^WebGPU: /);
      await device.done();
    }
  });

  it("reject in the order in which they arose, one for each wait", async () => {
    for (const device of devices) {
      const buffer = device.acquire(256);
      provoke(device);
      device.write(buffer, new Uint32Array(1), 3); // an offset must be a multiple of 4
      await expect(device.done()).rejects.toThrow(/usage/i);
      await expect(device.done()).rejects.toThrow(/multiple of 4|aligned|COPY_BUFFER_ALIGNMENT/i);
      await device.done();
      device.release(buffer);
    }
  });

  it("reject a read as well, and its buffer goes back to the pool", async () => {
    for (const device of devices) {
      const buffer = device.acquire(256);
      const { liveBytes } = device.memory();
      provoke(device);
      await expect(device.read(buffer, 16)).rejects.toThrow(/^WebGPU: /);
      expect(device.memory().liveBytes).toBe(liveBytes);
      const { buffers } = device.counters();
      expect((await device.read(buffer, 16)).byteLength).toBe(16);
      expect(device.counters().buffers).toBe(buffers);
      device.release(buffer);
    }
  });

  it("in a kernel's text come with the line, and do not hide others", async () => {
    for (const device of devices) {
      const code = "@compute @workgroup_size(1) fn main() {\n  let x: f32 = nonsense;\n}\n";
      provoke(device);
      const failing = device.pipeline({ name: "broken", bindings: [], code });
      await expect(failing).rejects.toThrow("internal: kernel broken does not compile");
      await expect(failing).rejects.toThrow("nonsense");
      await expect(device.done()).rejects.toThrow(/^WebGPU: .*usage/is);
      await device.done();
    }
  });

  it("of others are not taken for a kernel's own", async () => {
    for (const device of devices) {
      const code = "@compute @workgroup_size(1) fn main() { let x = 1.0; }\n";
      provoke(device);
      const pipeline = await device.pipeline({ name: "sound", bindings: [], code });
      expect(device.readyPipeline({ name: "sound", bindings: [], code })).toBe(pipeline);
      await expect(device.done()).rejects.toThrow(/^WebGPU: /);
    }
  });
});

describe("a destroyed device", () => {
  it("rejects whoever still waits, and refuses what comes after", async () => {
    for (const found of await everyDevice()) {
      const device = await openLike(found);
      const buffer = device.acquire(256);
      const waiting = device.settle(new Promise(() => {}));
      device.destroy();
      await expect(waiting).rejects.toThrow("the device was destroyed: open a new one");
      await expect(device.done()).rejects.toThrow("the device was destroyed");
      await expect(device.read(buffer, 16)).rejects.toThrow("the device was destroyed");
      expect(() => device.acquire(256)).toThrow("the device was destroyed");
      expect(() => device.submit(() => {})).toThrow("the device was destroyed");
      const kernel = { name: "late", bindings: [], code: "@compute @workgroup_size(1) fn main() {}" };
      await expect(device.pipeline(kernel)).rejects.toThrow("the device was destroyed");
      device.release(buffer);
      expect(device.memory().liveBytes).toBe(0);
      expect(device.memory().pooledBytes).toBe(0);
      device.destroy();
    }
  });

  it("rejects a read that was on its way", async () => {
    for (const found of await everyDevice()) {
      const device = await openLike(found);
      const buffer = device.acquire(256);
      const reading = device.read(buffer, 16);
      device.destroy();
      await expect(reading).rejects.toThrow("the device was destroyed: open a new one");
    }
  });
});
