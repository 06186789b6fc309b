import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { addLowRankGrid, addLowRankKernel, addLowRankUniforms } from "../../kernels/low_rank.ts";
import type { Device } from "../../lib/device/mod.ts";
import { everyDevice } from "../support/devices.ts";
import { bits, expectClose, Numbers } from "../support/numbers.ts";
import { asFloats, runKernel } from "../support/run_kernel.ts";

/** Rows, columns and rank: odd ones, and those that go in fours. */
const SHAPES = [[1, 1, 1], [7, 63, 7], [63, 65, 1], [257, 7, 3], [64, 64, 8], [65, 64, 4], [7, 260, 12], [1, 4, 4]];

describe("the kernel that adds a factored matrix", () => {
  let devices: readonly Device[];
  beforeAll(async () => void (devices = await everyDevice()));
  afterAll(() => devices.forEach((device) => device.destroy()));

  interface Problem {
    readonly W: Float32Array;
    readonly L: Float32Array;
    readonly R: Float32Array;
    readonly scale: number;
  }

  async function run(device: Device, [m, n, r]: readonly number[], problem: Problem, vec4: boolean, inPlace: boolean) {
    const options = { vec4, inPlace, blocks: 1 };
    const sizes = { m, n, ranks: [r] };
    const { W, L, R, scale } = problem;
    const [Y] = await runKernel(device, {
      kernel: addLowRankKernel(options),
      grid: addLowRankGrid(options, sizes),
      uniforms: addLowRankUniforms(sizes),
      buffers: [W, Float32Array.of(scale), L, R, ...inPlace ? [] : [new Float32Array(m * n)]],
    });
    return asFloats(Y);
  }

  for (const [m, n, r] of SHAPES) {
    it(`on ${m}×${n} of rank ${r}: in place or not, in fours or not, the same bits, which are right`, async () => {
      const numbers = new Numbers(m + n);
      const [W, L, R] = await Promise.all(
        [m * n, m * r, r * n].map(async (size) => await numbers.tensor([size]).data() as Float32Array),
      );
      const problem = { W, L, R, scale: 0.7 };
      const wanted = Float64Array.from(W, (w, i) => {
        let product = 0;
        for (let j = 0; j < r; j++) product += L[Math.floor(i / n) * r + j] * R[j * n + i % n];
        return w + 0.7 * product;
      });
      for (const device of devices) {
        const first = await run(device, [m, n, r], problem, false, false);
        expectClose(first, wanted, 1e-6);
        for (const vec4 of n % 4 === 0 && r % 4 === 0 ? [false, true] : [false]) {
          for (const inPlace of [false, true]) {
            expect(bits(await run(device, [m, n, r], problem, vec4, inPlace))).toEqual(bits(first));
          }
        }
      }
    });
  }

  it("gives W's own bits at scale 0, whatever the factors hold", async () => {
    const W = Float32Array.of(-0, 1e-40, NaN, Infinity, 1, 2, 3, 4);
    const problem = { W, L: new Float32Array(8).fill(Infinity), R: new Float32Array(16).fill(NaN), scale: 0 };
    for (const device of devices) {
      for (const vec4 of [false, true]) {
        for (const inPlace of [false, true]) {
          expect(bits(await run(device, [2, 4, 4], problem, vec4, inPlace))).toEqual(bits(W));
        }
      }
    }
  });

  for (const [m, n, r, s] of [[7, 9, 3, 2], [64, 64, 8, 8], [65, 64, 4, 12]]) {
    it(`on ${m}×${n} takes factors in blocks of ${r} and ${s}: the same bits as whole ones`, async () => {
      const numbers = new Numbers(m * n);
      const sizes = { m, n, ranks: [r, s] };
      const [W, L0, L1, R0, R1] = await Promise.all(
        [m * n, m * r, m * s, r * n, s * n].map(async (size) => await numbers.tensor([size]).data() as Float32Array),
      );
      const L = Float32Array.from({ length: m * (r + s) }, (_, i) => {
        const [row, j] = [Math.floor(i / (r + s)), i % (r + s)];
        return j < r ? L0[row * r + j] : L1[row * s + j - r];
      });
      const whole = { W, L, R: Float32Array.of(...R0, ...R1), scale: 0.3 };
      for (const device of devices) {
        for (const vec4 of n % 4 === 0 ? [false, true] : [false]) {
          const options = { vec4, inPlace: false, blocks: 2 };
          const [Y] = await runKernel(device, {
            kernel: addLowRankKernel(options),
            grid: addLowRankGrid(options, sizes),
            uniforms: addLowRankUniforms(sizes),
            buffers: [W, Float32Array.of(0.3), L0, L1, R0, R1, new Float32Array(m * n)],
          });
          expect(bits(asFloats(Y))).toEqual(bits(await run(device, [m, n, r + s], whole, vec4, false)));
        }
      }
    });
  }
});
