import { ARG_WORKGROUP, argRows } from "../../kernels/arg.ts";
import {
  fillZero,
  GATHER_WORKGROUP,
  gatherRows,
  gatherUniforms,
  linkIds,
  scatterAddRows,
} from "../../kernels/gather.ts";
import { PACK_HALF_WORKGROUP, packHalf, type StoredAs } from "../../kernels/half.ts";
import { type Grid, linearGrid } from "../../kernels/kernel.ts";
import { addLowRankGrid, addLowRankKernel, type AddLowRankSizes, addLowRankUniforms } from "../../kernels/low_rank.ts";
import type { Dispatch } from "./primitive.ts";

/** Sizes of a look-up of rows. */
export interface LookupSizes {
  /** Rows of the table. */
  readonly rows: number;
  readonly columns: number;
  /** Number of ids. */
  readonly ids: number;
  /** How many cells they are of, each of which has as many and rows of its own; 1 by default. */
  readonly cells?: number;
}

function gridOf(threads: number): Grid {
  return linearGrid(Math.ceil(threads / GATHER_WORKGROUP));
}

/** Rows by ids: inputs table and ids. `table` says how the table is stored. */
export function gatherDispatch({ rows, columns, ids }: LookupSizes, table: StoredAs): Dispatch {
  const vec4 = columns % 4 === 0;
  return {
    kernel: gatherRows({ vec4, table }),
    grid: gridOf(ids * columns / (vec4 ? 4 : 1)),
    uniforms: gatherUniforms(rows, columns, ids),
    buffers: [{ input: 0 }, { input: 1 }, "output"],
  };
}

/** Rows added at ids: inputs ids and rows. Needs two words of scratch for each id. */
export function scatterDispatches(
  { rows, columns, ids, cells }: LookupSizes,
): { dispatches: Dispatch[]; scratch: number[] } {
  const vec4 = columns % 4 === 0;
  const width = columns / (vec4 ? 4 : 1);
  const uniforms = gatherUniforms(rows, columns, ids, cells);
  const links = { scratch: 0 };
  return {
    dispatches: [
      { kernel: fillZero({ vec4 }), grid: gridOf(rows * width), uniforms, buffers: ["output"] },
      { kernel: linkIds(), grid: gridOf(ids), uniforms, buffers: [{ input: 0 }, links] },
      {
        kernel: scatterAddRows({ vec4 }),
        grid: gridOf(ids * width),
        uniforms,
        buffers: [{ input: 0 }, links, { input: 1 }, "output"],
      },
    ],
    scratch: [ids * 8],
  };
}

/** So many numbers as f16. */
export function packHalfDispatch(size: number): Dispatch {
  return {
    kernel: packHalf(),
    grid: linearGrid(Math.ceil(size / 2 / PACK_HALF_WORKGROUP)),
    uniforms: Uint32Array.of(size, 0, 0, 0),
    buffers: [{ input: 0 }, "output"],
  };
}

/** Position of the largest or smallest element of each of so many rows of `n`. */
export function argDispatch(find: "max" | "min", rows: number, n: number): Dispatch {
  return {
    kernel: argRows(find),
    grid: linearGrid(Math.ceil(rows / ARG_WORKGROUP)),
    uniforms: Uint32Array.of(rows, n, 0, 0),
    buffers: [{ input: 0 }, "output"],
  };
}

/** W + scale·L·R: inputs W, scale, the blocks of L, those of R. */
export function addLowRankDispatch(sizes: AddLowRankSizes, inPlace: boolean): Dispatch {
  const { m, n, ranks, cells = 1, next: [w = 0, , ...blocks] = [] } = sizes;
  const vec4 = [n, ...ranks, w, ...blocks].every((size) => size % 4 === 0);
  const options = { inPlace, vec4, blocks: ranks.length };
  return {
    kernel: addLowRankKernel(options),
    grid: addLowRankGrid(options, sizes),
    uniforms: addLowRankUniforms(sizes),
    buffers: [
      ...Array.from({ length: 2 + 2 * ranks.length }, (_, input) => ({ input })),
      ...inPlace ? [] : ["output" as const],
    ],
    operations: 2 * cells * m * n * ranks.reduce((sum, rank) => sum + rank, 0),
  };
}
