import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { storeResult } from "../../kernels/epilogue.ts";
import { gatherRows, gatherUniforms } from "../../kernels/gather.ts";
import { PACK_HALF_WORKGROUP, packHalf } from "../../kernels/half.ts";
import { type Kernel, linearGrid } from "../../kernels/kernel.ts";
import {
  type MatmulLayout,
  matmulNaive,
  matmulSubgroup,
  matmulTiled,
  matmulUniforms,
  SINGLE_PRODUCT,
} from "../../kernels/matmul.ts";
import type { Device } from "../../lib/device/mod.ts";
import { everyDevice } from "../support/devices.ts";
import { Numbers } from "../support/numbers.ts";
import { runKernel } from "../support/run_kernel.ts";

const over = (a: number, b: number) => Math.ceil(a / b);

/** Two f16 in a word, the first in the lower half. */
function words(halves: Float16Array): Uint32Array {
  const padded = new Float16Array(2 * over(halves.length, 2));
  padded.set(halves);
  return new Uint32Array(padded.buffer);
}

async function draw(seed: number, size: number): Promise<Float32Array> {
  return await new Numbers(seed).tensor([size]).data() as Float32Array;
}

describe("kernels that read and write f16", () => {
  let devices: readonly Device[];
  beforeAll(async () => void (devices = await everyDevice()));
  afterAll(() => devices.forEach((device) => device.destroy()));

  for (const size of [1, 7, 63, 64, 65, 257]) {
    it(`pack ${size} numbers as typed arrays round them`, async () => {
      const values = (await draw(size, size)).map((x, i) => x * 2 ** (i % 40 - 27));
      for (const device of devices) {
        const [Y] = await runKernel(device, {
          kernel: packHalf(),
          grid: linearGrid(over(size, 2 * PACK_HALF_WORKGROUP)),
          uniforms: Uint32Array.of(size, 0, 0, 0),
          buffers: [values, new Uint32Array(over(size, 2))],
        });
        expect(Y).toEqual(words(new Float16Array(values)));
      }
    });

    it(`look up rows of ${size}, by one or in fours`, async () => {
      const rows = 5;
      const table = new Float16Array(await draw(size + 1, rows * size));
      const ids = Int32Array.of(4, 0, -1, 3, 5, 4);
      const wanted = Float32Array.from({ length: ids.length * size }, (_, i) => {
        const id = ids[Math.floor(i / size)];
        return id >= 0 && id < rows ? table[id * size + i % size] : NaN;
      });
      for (const device of devices) {
        for (const vec4 of size % 4 === 0 ? [false, true] : [false]) {
          const [Y] = await runKernel(device, {
            kernel: gatherRows({ vec4, table: "f16" }),
            grid: linearGrid(over(ids.length * size, 64 * (vec4 ? 4 : 1))),
            uniforms: gatherUniforms(rows, size, ids.length),
            buffers: [words(table), ids, new Float32Array(wanted.length)],
          });
          expect(new Float32Array(Y.buffer, Y.byteOffset, Y.length)).toEqual(wanted);
        }
      }
    });
  }

  for (const layout of ["nn", "tn", "nt"] as const satisfies readonly MatmulLayout[]) {
    for (const [m, n, k] of [[1, 1, 1], [7, 63, 5], [65, 7, 257], [64, 64, 64], [36, 68, 12], [9, 257, 65]]) {
      it(`multiply ${layout} of ${m}×${n}×${k} with the bits of the naive product of f32`, async () => {
        // B begins at an odd element, but for tiles, which read in fours; rows have some to spare.
        const inFours = m % 4 === 0 && n % 4 === 0 && k % 4 === 0;
        const [pad, offsetB] = inFours ? [4, 8] : [1, 3];
        const sizes = {
          ...SINGLE_PRODUCT,
          m,
          n,
          k,
          lda: layout === "tn" ? m : k,
          ldb: (layout === "nt" ? k : n) + pad,
          ldc: n,
          offsetB,
          scale: 0.5,
        };
        const A = await draw(m, m * k);
        const B = new Float16Array(await draw(n, offsetB + sizes.ldb * (layout === "nt" ? n : k)));
        const run = (kernel: Kernel, sides: readonly [number, number], width: 1 | 4, isHalf: boolean) => ({
          kernel,
          grid: [over(m, sides[0]), over(n, sides[1]), 1] as const,
          uniforms: matmulUniforms(sizes, storeResult(width)),
          buffers: [A, isHalf ? words(B) : Float32Array.from(B), new Float32Array(m * n)],
        });
        for (const device of devices) {
          const [wanted] = await runKernel(device, run(matmulNaive(layout), [8, 8], 1, false));
          const branch = undefined;
          const runs = [
            run(matmulNaive(layout, storeResult(1), branch, "f16"), [8, 8], 1, true),
            run(matmulTiled(layout, storeResult(1), branch, "f16"), [64, 64], 1, true),
          ];
          const lanes = device.report.subgroupSize;
          if (inFours && lanes > 0) {
            const tile = { lanes, rows: 8, columns: 4 };
            runs.push(run(matmulSubgroup(layout, tile, storeResult(4), branch, "f16"), [8, 4 * lanes], 4, true));
          }
          for (const one of runs) expect((await runKernel(device, one))[0]).toEqual(wanted);
        }
      });
    }
  }
});
