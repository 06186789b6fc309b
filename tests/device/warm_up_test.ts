import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { type Device, type Kernel, requestDevice } from "../../lib/device/mod.ts";
import { WarmUp } from "../../lib/device/warm_up.ts";
import { TEST_DEVICE } from "../support/devices.ts";
import { asFloats, runKernel } from "../support/run_kernel.ts";

/** A number that no driver has met: what it made of earlier texts is in its cache. */
const unmet = () => crypto.getRandomValues(new Uint32Array(1))[0];

/** Kernels that add a number of their own to every element. */
function newKernels(count: number): { kernel: Kernel; added: number }[] {
  const first = unmet() % 2 ** 23;
  return Array.from({ length: count }, (_, i) => {
    const added = first + i;
    const code = `@group(0) @binding(0) var<storage, read_write> X: array<f32>;
@group(0) @binding(1) var<uniform> n: vec4<u32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x < n.x) { X[id.x] += ${added}.0; }
}
`;
    return { kernel: { name: `add_${added}`, bindings: ["read_write"], code }, added };
  });
}

describe("pipelines that are compiled together", () => {
  let device: Device;
  beforeAll(async () => void (device = await requestDevice({ device: TEST_DEVICE })));
  afterAll(() => device.destroy());

  it("compute what they say, and cost neither submissions nor memory that is counted", async () => {
    const before = device.counters();
    const { liveBytes } = device.memory();
    const kernels = newKernels(20);
    const pipelines = await Promise.all(kernels.map(({ kernel }) => device.pipeline(kernel)));
    expect(new Set(pipelines).size).toBe(kernels.length);
    expect(device.counters()).toEqual({ ...before, pipelines: before.pipelines + kernels.length });
    expect(device.memory().liveBytes).toBe(liveBytes);
    for (const { kernel, added } of kernels) {
      const run = { kernel, grid: [1, 1, 1], uniforms: Uint32Array.of(2), buffers: [Float32Array.of(0, 1)] } as const;
      expect(Array.from(asFloats((await runKernel(device, run))[0]))).toEqual([added, added + 1]);
    }
  });

  it("say which of them took longest, where the driver compiles what is used first", async () => {
    const kernels = newKernels(3);
    using fresh = await requestDevice({ device: TEST_DEVICE });
    expect(fresh.slowestPipeline).toBeUndefined();
    await Promise.all(kernels.map(({ kernel }) => fresh.pipeline(kernel)));
    const { source, name } = fresh.report;
    if (source === "browser" || !/llvmpipe/.test(name)) return expect(fresh.slowestPipeline).toBeUndefined();
    expect(kernels.map(({ kernel }) => kernel.name)).toContain(fresh.slowestPipeline!.name);
    expect(fresh.slowestPipeline!.milliseconds).toBeGreaterThan(0);
  });

  it("are there without the help of a second device", async () => {
    let asked = 0;
    const warmUp = new WarmUp(device.gpu, () => {
      asked++;
      return Promise.reject(new Error("there is no second device"));
    });
    const kernels = newKernels(20);
    await Promise.all(kernels.map(async ({ kernel }) => warmUp.add(kernel, await device.pipeline(kernel))));
    expect(asked).toBeLessThanOrEqual(1);
    expect(await device.settle(Promise.resolve("nothing went wrong"))).toBe("nothing went wrong");
  });
});
