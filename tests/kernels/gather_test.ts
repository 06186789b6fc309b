import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { fillZero, gatherRows, gatherUniforms, linkIds, scatterAddRows } from "../../kernels/gather.ts";
import { linearGrid } from "../../kernels/kernel.ts";
import type { Device } from "../../lib/device/mod.ts";
import { everyDevice } from "../support/devices.ts";
import { expectClose, Numbers } from "../support/numbers.ts";
import { asFloats, runKernel } from "../support/run_kernel.ts";

const SIZES = [1, 7, 63, 64, 65, 257];
const ROWS = 10;
const gridOf = (threads: number) => linearGrid(Math.ceil(threads / 64));

/** Ids of which many are equal and some are not in the table. */
function drawIds(numbers: Numbers, count: number): Int32Array {
  return Int32Array.from(
    { length: count },
    (_, i) => i % 9 === 8 ? [-1, ROWS, 2 ** 31 - 1][i % 3] : numbers.below(ROWS),
  );
}

const isIn = (id: number) => id >= 0 && id < ROWS;

describe("kernels that look up rows", () => {
  let devices: readonly Device[];
  beforeAll(async () => void (devices = await everyDevice()));
  afterAll(() => devices.forEach((device) => device.destroy()));

  for (const [i, columns] of [...SIZES, 260].entries()) {
    const count = SIZES[(i + 3) % SIZES.length];

    it(`give ${count} rows of ${columns}, by one or in fours, and NaN for ids outside`, async () => {
      const numbers = new Numbers(columns);
      const table = await numbers.tensor([ROWS, columns]).data() as Float32Array;
      const ids = drawIds(numbers, count);
      const wanted = Float32Array.from(
        { length: count * columns },
        (_, at) =>
          isIn(ids[Math.floor(at / columns)]) ? table[ids[Math.floor(at / columns)] * columns + at % columns] : NaN,
      );
      for (const device of devices) {
        for (const vec4 of columns % 4 === 0 ? [false, true] : [false]) {
          const [Y] = await runKernel(device, {
            kernel: gatherRows({ vec4 }),
            grid: gridOf(count * columns / (vec4 ? 4 : 1)),
            uniforms: gatherUniforms(ROWS, columns, count),
            buffers: [table, ids, new Float32Array(count * columns)],
          });
          expect(asFloats(Y)).toEqual(wanted);
        }
      }
    });

    it(`add ${count} rows of ${columns} at their ids, by one or in fours, with the same bits every time`, async () => {
      const numbers = new Numbers(columns + 1);
      const rows = await numbers.tensor([count, columns]).data() as Float32Array;
      const ids = drawIds(numbers, count);
      const wanted = new Float64Array(ROWS * columns);
      ids.forEach((id, at) => {
        for (let c = 0; c < columns && isIn(id); c++) wanted[id * columns + c] += rows[at * columns + c];
      });
      const uniforms = gatherUniforms(ROWS, columns, count);
      for (const device of devices) {
        const run = async (vec4: boolean) => {
          const width = vec4 ? 4 : 1;
          const dirty = new Float32Array(ROWS * columns).fill(7);
          const [zeros] = await runKernel(device, {
            kernel: fillZero({ vec4 }),
            grid: gridOf(ROWS * columns / width),
            uniforms,
            buffers: [dirty],
          });
          const links = new Uint32Array(2 * count);
          const [linked] = await runKernel(device, {
            kernel: linkIds(),
            grid: gridOf(count),
            uniforms,
            buffers: [ids, links],
          });
          const [Y] = await runKernel(device, {
            kernel: scatterAddRows({ vec4 }),
            grid: gridOf(count * columns / width),
            uniforms,
            buffers: [ids, linked, rows, zeros],
          });
          return Y;
        };
        const first = await run(false);
        expectClose(asFloats(first), wanted, 1e-6);
        expect(await run(false)).toEqual(first);
        if (columns % 4 === 0) expect(await run(true)).toEqual(first);
      }
    });
  }

  it("chain equal ids from the first to the last", async () => {
    const ids = Int32Array.of(3, 1, 3, -1, 1, 3);
    for (const device of devices) {
      const [links] = await runKernel(device, {
        kernel: linkIds(),
        grid: [1, 1, 1],
        uniforms: gatherUniforms(ROWS, 1, 6),
        buffers: [ids, new Uint32Array(12)],
      });
      expect(Array.from(links)).toEqual([1, 1, 0, 1, 0, 0, 2, 4, 5, 6, 6, 6]);
    }
  });

  it("link the ids of each cell among themselves", async () => {
    const ids = Int32Array.of(3, 3, 1, 8, 7, 8);
    for (const device of devices) {
      const [links] = await runKernel(device, {
        kernel: linkIds(),
        grid: gridOf(6),
        uniforms: gatherUniforms(ROWS, 1, 6, 2),
        buffers: [ids, new Uint32Array(12)],
      });
      expect(Array.from(links)).toEqual([1, 0, 1, 1, 1, 0, 1, 6, 6, 5, 6, 6]);
    }
  });
});
