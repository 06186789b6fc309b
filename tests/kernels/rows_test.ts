import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { storeResult } from "../../kernels/epilogue.ts";
import { linearGrid } from "../../kernels/kernel.ts";
import { rowDispatch, rowKernel, type RowKernelName, rowUniforms } from "../../kernels/rows.ts";
import type { Device } from "../../lib/device/mod.ts";
import * as primitives from "../../lib/ops/softmax.ts";
import { everyDevice } from "../support/devices.ts";
import { expectClose, Numbers } from "../support/numbers.ts";
import { asFloats, runKernel } from "../support/run_kernel.ts";

/** Row kernels with the primitive whose loop in float64 they must match. */
const KERNELS: Readonly<Record<RowKernelName, typeof primitives.softmaxPrimitive>> = {
  softmax: primitives.softmaxPrimitive,
  logSoftmax: primitives.logSoftmaxPrimitive,
  softmaxGrad: primitives.softmaxGradPrimitive,
  logSoftmaxGrad: primitives.logSoftmaxGradPrimitive,
  normalize: primitives.normalizePrimitive,
  normalizeGrad: primitives.normalizeGradPrimitive,
};
const SIZES = [1, 7, 63, 64, 65, 257];
const EPSILON = 0.1;

describe("row kernels", () => {
  let devices: readonly Device[];
  beforeAll(async () => void (devices = await everyDevice()));
  afterAll(() => devices.forEach((device) => device.destroy()));

  for (const [name, primitive] of Object.entries(KERNELS) as [RowKernelName, typeof KERNELS.softmax][]) {
    const inputCount = name.endsWith("Grad") ? 2 : 1;

    it(`${name}: with and without subgroups, in fours or not, is what float64 gives on odd sizes`, async () => {
      for (const [i, n] of SIZES.entries()) {
        const rows = SIZES[SIZES.length - 1 - i];
        const numbers = new Numbers(n);
        const inputs = await Promise.all(
          Array.from({ length: inputCount }, async () => await numbers.tensor([rows, n]).data() as Float32Array),
        );
        // What the gradients of softmax take as softmax and its logarithm is any row to them.
        const shaped = inputs.map((data) => ({
          shape: [rows, n],
          dtype: "f32" as const,
          data: Float64Array.from(data),
        }));
        const wanted = primitive.reference(shaped, { epsilon: EPSILON }, { shape: [rows, n], dtype: "f32" });
        for (const device of devices) {
          const lanes = new Set([0, device.report.subgroupSize]);
          for (const [lane, vec4] of [...lanes].flatMap((l) => [[l, false], [l, true]] as const)) {
            if (vec4 && n % 4 !== 0) continue;
            const kernel = rowKernel(name, { lanes: lane, vec4 });
            const uniforms = rowUniforms({ rows, n, epsilon: EPSILON }, storeResult(vec4 ? 4 : 1));
            const buffers = [...inputs, new Float32Array(rows * n)];
            const [Y] = await runKernel(device, { kernel, grid: linearGrid(rows), uniforms, buffers });
            expectClose(asFloats(Y), wanted, 2e-5);
            if (lane === 0) continue;
            const kept = Math.ceil(n / (vec4 ? 4 : 1) / lane);
            const keeping = rowKernel(name, { lanes: lane, vec4, kept });
            const [same] = await runKernel(device, { kernel: keeping, grid: linearGrid(rows), uniforms, buffers });
            expect(same.findIndex((word, at) => word !== Y[at])).toBe(-1);
          }
        }
      }
    });
  }

  it("work on more rows than one axis of a grid has", async () => {
    const rows = 65_535 + 70;
    const numbers = new Numbers(1);
    const data = await numbers.tensor([rows, 2]).data() as Float32Array;
    const wanted = Float64Array.from(data, (x, i) => 1 / (1 + Math.exp(data[i ^ 1] - x)));
    for (const device of devices) {
      const { isSoftware, subgroupSize } = device.report;
      const target = { driver: "other", isSoftware, subgroupSize, maxInvocations: 256 } as const;
      const dispatch = rowDispatch("softmax", { rows, n: 2 }, { target });
      expect(dispatch.grid[0]).toBeLessThanOrEqual(65_535);
      const [Y] = await runKernel(device, { ...dispatch, buffers: [data, new Float32Array(2 * rows)] });
      expectClose(asFloats(Y), wanted, 2e-6);
    }
  });

  it("are finite on rows that would overflow, and keep −Infinity beside a finite number", async () => {
    const row = Float32Array.of(-Infinity, 300, -Infinity, 299, -1000, -Infinity, 300, -Infinity);
    const shares = Float64Array.from(row, (x) => Math.exp(x - 300));
    const total = shares.reduce((a, b) => a + b, 0);
    for (const device of devices) {
      for (const lanes of new Set([0, device.report.subgroupSize])) {
        for (const vec4 of [false, true]) {
          const uniforms = rowUniforms({ rows: 1, n: 8 }, storeResult(vec4 ? 4 : 1));
          const run = async (name: RowKernelName) => {
            const kernel = rowKernel(name, { lanes, vec4 });
            const buffers = [row, new Float32Array(8)];
            return asFloats((await runKernel(device, { kernel, grid: [1, 1, 1], uniforms, buffers }))[0]);
          };
          expectClose(await run("softmax"), shares.map((share) => share / total), 1e-6);
          expectClose(await run("logSoftmax"), Float64Array.from(row, (x) => x - 300 - Math.log(total)), 1e-6);
        }
      }
    }
  });
});

describe("linearGrid", () => {
  it("spreads workgroups over two axes, none of them too long, and few too many", () => {
    for (const count of [0, 1, 64, 65_535, 65_536, 200_000, 10 ** 7]) {
      const [x, y, z] = linearGrid(count);
      expect(Math.max(x, y)).toBeLessThanOrEqual(65_535);
      expect(x * y * z).toBeGreaterThanOrEqual(Math.max(1, count));
      expect(x * y - count).toBeLessThanOrEqual(y);
    }
  });
});
