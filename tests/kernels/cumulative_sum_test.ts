import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import {
  addBefore,
  SCAN_BLOCK,
  scanBlocks,
  scanBlocksGrid,
  scanRows,
  scanRowsGrid,
  scanUniforms,
} from "../../kernels/cumulative_sum.ts";
import type { Device } from "../../lib/device/mod.ts";
import { everyDevice } from "../support/devices.ts";
import { Numbers } from "../support/numbers.ts";
import { asFloats, runKernel } from "../support/run_kernel.ts";

const asWhole = (words: Uint32Array) => new Int32Array(words.buffer, words.byteOffset, words.length);

/** Cumulative sums of whole numbers, which are exact in any order; in rows' parts of so many elements. */
function sums(data: ArrayLike<number>, n: number, { part = n, reverse = false } = {}): number[] {
  const result = Array.from(data);
  for (let row = 0; row < result.length; row += n) {
    for (let i = 1; i < n; i++) {
      const [at, before] = reverse ? [row + n - 1 - i, row + n - i] : [row + i, row + i - 1];
      if (i % part !== 0) result[at] += result[before];
    }
  }
  return result;
}

describe("the kernels of cumulative sums", () => {
  let devices: readonly Device[];
  beforeAll(async () => void (devices = await everyDevice()));
  afterAll(() => devices.forEach((device) => device.destroy()));

  for (const reverse of [false, true]) {
    const way = reverse ? "from the end" : "from the beginning";
    it(`sum rows ${way}, by a thread each and by a workgroup each, on odd sizes`, async () => {
      for (const [i, n] of [1, 7, 63, 64, 65, 257, 1023, 1024].entries()) {
        const rows = [65, 3, 1, 257, 7, 2, 3, 2][i];
        const numbers = new Numbers(n);
        const data = Float32Array.from({ length: rows * n }, () => numbers.below(9) - 4);
        for (const device of devices) {
          for (
            const [kernel, grid] of [
              [scanRows("f32"), scanRowsGrid(rows)],
              [scanBlocks("f32", { several: false }), scanBlocksGrid(rows, n)],
            ] as const
          ) {
            const uniforms = scanUniforms(rows, n, reverse);
            const [Y] = await runKernel(device, {
              kernel,
              grid,
              uniforms,
              buffers: [data, new Float32Array(rows * n)],
            });
            expect(Array.from(asFloats(Y))).toEqual(sums(data, n, { reverse }));
          }
        }
      }
    });

    it(`sum blocks of long rows ${way}, and add what came before`, async () => {
      const [rows, n] = [2, 2 * SCAN_BLOCK + 77];
      const numbers = new Numbers(5);
      const data = Int32Array.from({ length: rows * n }, () => numbers.below(9) - 4);
      const ofBlocks = sums(data, n, { part: SCAN_BLOCK, reverse });
      const last = (block: number) => Math.min(n, (block + 1) * SCAN_BLOCK) - 1;
      const wanted = [0, 1].flatMap((row) =>
        [0, 1, 2].map((block) => ofBlocks[row * n + (reverse ? n - 1 - last(block) : last(block))])
      );
      for (const device of devices) {
        const uniforms = scanUniforms(rows, n, reverse);
        const grid = scanBlocksGrid(rows, n);
        const [Y, S] = await runKernel(device, {
          kernel: scanBlocks("i32", { several: true }),
          grid,
          uniforms,
          buffers: [data, new Int32Array(rows * n), new Int32Array(rows * 3)],
        });
        expect(Array.from(asWhole(Y))).toEqual(ofBlocks);
        expect(Array.from(asWhole(S))).toEqual(wanted);
        const before = Int32Array.from(sums(asWhole(S), 3));
        const [whole] = await runKernel(device, {
          kernel: addBefore("i32"),
          grid,
          uniforms,
          buffers: [before, asWhole(Y)],
        });
        expect(Array.from(asWhole(whole))).toEqual(sums(data, n, { reverse }));
      }
    });
  }
});
