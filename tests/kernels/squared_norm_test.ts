import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { squaredNormChunks, squaredNormDispatch, sumPartials } from "../../kernels/squared_norm.ts";
import type { Device } from "../../lib/device/mod.ts";
import { everyDevice } from "../support/devices.ts";
import { expectClose, Numbers } from "../support/numbers.ts";
import { asFloats, runKernel } from "../support/run_kernel.ts";

describe("the kernels that sum squares", () => {
  let devices: readonly Device[];
  beforeAll(async () => void (devices = await everyDevice()));
  afterAll(() => devices.forEach((device) => device.destroy()));

  for (const sizes of [[1], [7, 63, 64, 65, 257], [4096, 4097, 1, 12_289], [1, 1, 1, 1, 1, 1, 1]]) {
    it(`of ${sizes.length} arrays of ${sizes.join(", ")}: partial sums behind others, then one number`, async () => {
      const numbers = new Numbers(sizes.length);
      const arrays = await Promise.all(sizes.map(async (size) => await numbers.tensor([size]).data() as Float32Array));
      const total = arrays.flatMap((data) => [...data]).reduce((sum, x) => sum + x * x, 0);
      const chunks = sizes.reduce((sum, size) => sum + squaredNormChunks(size), 0);
      let partial = 2;
      const placed = sizes.map((size, buffer) => {
        const first = partial;
        partial += squaredNormChunks(size);
        return { buffer, offset: 0, size, partial: first };
      });
      for (const device of devices) {
        const before = Float32Array.of(0.25, 0.5);
        const partials = new Float32Array(2 + chunks);
        partials.set(before);
        const [sums] = await runKernel(device, {
          ...squaredNormDispatch(placed),
          buffers: [...arrays, partials],
        });
        expect(asFloats(sums).subarray(0, 2)).toEqual(before);
        const [Y] = await runKernel(device, {
          kernel: sumPartials(),
          grid: [1, 1, 1],
          uniforms: Uint32Array.of(2 + chunks),
          buffers: [asFloats(sums), new Float32Array(1)],
        });
        expectClose(asFloats(Y), [total + 0.75], 1e-6);
      }
    });
  }
});
