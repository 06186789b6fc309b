import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { requestDevice } from "../../lib/device/mod.ts";

describe("memory that is not there", () => {
  it("rejects the next wait with a cure, and its buffers are not used again", async () => {
    // SwiftShader allows buffers of 1 GiB and has no memory for one; other drivers take what the system gives.
    const found = requestDevice({ device: "swiftshader" });
    const serves = Deno.build.os === "linux" && Deno.build.arch === "x86_64";
    if (!serves) return await expect(found).rejects.toThrow("made for linux on x86_64 only");
    using device = await found;
    const kept = device.acquire(1024);
    await device.done();
    const huge = device.acquire(device.limits.maxBufferSize);
    await expect(device.done()).rejects.toThrow(/^out of memory on swiftshader.*: use smaller batches, dispose of/);
    for (const buffer of [kept, huge]) device.release(buffer);
    expect(device.memory()).toMatchObject({ liveBytes: 0, pooledBytes: 1024 });
    const buffer = device.acquire(2 ** 20);
    device.write(buffer, Uint32Array.of(7));
    expect(new Uint32Array(await device.read(buffer, 4))[0]).toBe(7);
  });
});
