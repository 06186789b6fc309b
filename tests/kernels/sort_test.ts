import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { ALONG_WORKGROUP, alongUniforms, sumAlongDirect, sumAlongSorted } from "../../kernels/along.ts";
import { linearGrid } from "../../kernels/kernel.ts";
import {
  argsortByRank,
  SORT_BLOCK,
  SORT_WORKGROUP,
  sortBlocks,
  type SortOptions,
  sortUniforms,
} from "../../kernels/sort.ts";
import type { Device } from "../../lib/device/mod.ts";
import { everyDevice } from "../support/devices.ts";
import { Numbers } from "../support/numbers.ts";
import { runKernel } from "../support/run_kernel.ts";

const SPECIAL = [NaN, -Infinity, Infinity, 0, -0, 1e-40, -1e-40, 3, 3];

/** Rows of which many elements are equal and some special. */
function drawRows(
  numbers: Numbers,
  count: number,
  dtype: SortOptions["dtype"],
): Float32Array | Int32Array | Uint32Array {
  const one = () => numbers.below(40) - (dtype === "u32" ? 0 : 20);
  if (dtype === "i32") return Int32Array.from({ length: count }, (_, i) => i % 11 === 5 ? -(2 ** 31) : one());
  if (dtype === "u32") return Uint32Array.from({ length: count }, (_, i) => i % 11 === 5 ? 2 ** 32 - 1 : one());
  return Float32Array.from({ length: count }, (_, i) => i % 7 === 3 ? SPECIAL[numbers.below(9)] : one() / 4);
}

describe("kernels that sort", () => {
  let devices: readonly Device[];
  beforeAll(async () => void (devices = await everyDevice()));
  afterAll(() => devices.forEach((device) => device.destroy()));

  for (const dtype of ["f32", "i32", "u32"] as const) {
    for (const descending of [false, true]) {
      it(`order blocks of ${dtype} as counting does${descending ? ", the greatest first" : ""}`, async () => {
        for (const device of devices) {
          for (const [rows, n, inner] of [[1, 1, 1], [3, 7, 1], [6, 65, 3], [2, 257, 1], [2, 1024, 2]]) {
            const X = drawRows(new Numbers(n), rows * n, dtype);
            const [options, sizes] = [{ dtype, descending }, { rows, n, inner }];
            const [wanted] = await runKernel(device, {
              kernel: argsortByRank(options),
              grid: linearGrid(Math.ceil(rows * n / SORT_WORKGROUP)),
              uniforms: sortUniforms(sizes, 0),
              buffers: [X, new Uint32Array(rows * n)],
            });
            const [, got] = await runKernel(device, {
              kernel: sortBlocks(options),
              grid: linearGrid(rows),
              uniforms: sortUniforms(sizes, Math.min(2 ** Math.ceil(Math.log2(Math.max(n, 2))), SORT_BLOCK) / 2),
              buffers: [X, new Uint32Array(rows * n), new Uint32Array(rows * n)],
            });
            expect(got).toEqual(wanted);
          }
        }
      });
    }
  }

  it("sums at sorted indices have the bits of sums at indices one by one", async () => {
    const [outer, n, m, inner] = [2, 5, 300, 3];
    const numbers = new Numbers(8);
    const I = Int32Array.from({ length: outer * m * inner }, () => numbers.below(n + 2) - 1);
    const X = Float32Array.from(I, () => numbers.next() - 0.5);
    const run = {
      grid: linearGrid(Math.ceil(outer * n * inner / ALONG_WORKGROUP)),
      uniforms: alongUniforms({ outer, n, m, inner }),
    };
    const Y = () => new Float32Array(outer * n * inner);
    for (const device of devices) {
      const [wanted] = await runKernel(device, { ...run, kernel: sumAlongDirect("f32"), buffers: [I, X, Y()] });
      const [K, P] = await runKernel(device, {
        kernel: sortBlocks({ dtype: "i32", descending: false }),
        grid: linearGrid(outer * inner),
        uniforms: sortUniforms({ rows: outer * inner, n: m, inner }, 256),
        buffers: [I, new Uint32Array(I.length), new Uint32Array(I.length)],
      });
      const [got] = await runKernel(device, { ...run, kernel: sumAlongSorted("f32"), buffers: [K, P, X, Y()] });
      expect(got).toEqual(wanted);
    }
  });
});
