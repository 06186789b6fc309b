import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { ARG_WORKGROUP, argRows } from "../../kernels/arg.ts";
import { linearGrid } from "../../kernels/kernel.ts";
import type { Device } from "../../lib/device/mod.ts";
import { everyDevice } from "../support/devices.ts";
import { Numbers } from "../support/numbers.ts";
import { runKernel } from "../support/run_kernel.ts";

const SIZES = [1, 7, 63, 64, 65, 257];

describe("the kernel that finds the largest or smallest of each row", () => {
  let devices: readonly Device[];
  beforeAll(async () => void (devices = await everyDevice()));
  afterAll(() => devices.forEach((device) => device.destroy()));

  it("gives its position, the first among equals, on odd sizes", async () => {
    for (const [i, n] of SIZES.entries()) {
      const rows = SIZES[SIZES.length - 1 - i];
      const numbers = new Numbers(n);
      // Few values, so that many are equal.
      const data = Float32Array.from({ length: rows * n }, () => numbers.below(5) - 2);
      for (const find of ["max", "min"] as const) {
        const wanted = Array.from({ length: rows }, (_, row) => {
          const part = data.subarray(row * n, (row + 1) * n);
          return part.indexOf(Math[find](...part));
        });
        for (const device of devices) {
          const [Y] = await runKernel(device, {
            kernel: argRows(find),
            grid: linearGrid(Math.ceil(rows / ARG_WORKGROUP)),
            uniforms: Uint32Array.of(rows, n),
            buffers: [data, new Int32Array(rows)],
          });
          expect(Array.from(Y)).toEqual(wanted);
        }
      }
    }
  });
});
