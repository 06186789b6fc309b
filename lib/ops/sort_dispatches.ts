import {
  argsortByRank,
  type FarStep,
  mergeBlocks,
  mergeFar,
  SORT_BLOCK,
  SORT_WORKGROUP,
  sortBlocks,
  type SortOptions,
  type SortSizes,
  sortUniforms,
} from "../../kernels/sort.ts";
import { linearGrid } from "../../kernels/kernel.ts";
import type { BufferRef, Dispatch, Emission } from "./primitive.ts";

/** Rows of so many elements at most are sorted by counting. */
const SHORT = 64;

/** Where a sort finds its elements, and leaves keys and positions. */
export interface SortBuffers {
  readonly input: BufferRef;
  readonly keys: BufferRef;
  readonly positions: BufferRef;
}

const powerFrom = (n: number) => 2 ** Math.ceil(Math.log2(Math.max(n, 2)));

/** The steps that merge blocks into whole rows: those that are larger than a block, `undefined` for the rest of a merge. */
function mergeSteps(whole: number): (FarStep | undefined)[] {
  const steps: (FarStep | undefined)[] = [];
  for (let size = 2 * SORT_BLOCK; size <= whole; size *= 2) {
    steps.push({ size, isMirrored: true });
    for (let part = size / 2; part > SORT_BLOCK; part /= 2) steps.push({ size: part, isMirrored: false });
    steps.push(undefined);
  }
  return steps;
}

/** Sorts rows of any length by a bitonic network, O(n log² n): leaves keys in order and the positions they had. */
export function sortDispatches(sizes: SortSizes, options: SortOptions, buffers: SortBuffers): Dispatch[] {
  const { rows, n } = sizes;
  const { input, keys, positions } = buffers;
  const whole = powerFrom(n);
  const inBlock = sortUniforms(sizes, Math.min(whole, SORT_BLOCK) / 2);
  const blocks = linearGrid(rows * Math.ceil(n / SORT_BLOCK));
  const pairs = linearGrid(Math.ceil(rows * whole / 2 / SORT_WORKGROUP));
  return [
    { kernel: sortBlocks(options), grid: blocks, uniforms: inBlock, buffers: [input, keys, positions] },
    ...mergeSteps(whole).map((step): Dispatch =>
      step
        ? {
          kernel: mergeFar(),
          grid: pairs,
          uniforms: sortUniforms(sizes, whole / 2, step),
          buffers: [keys, positions],
        }
        : { kernel: mergeBlocks(), grid: blocks, uniforms: inBlock, buffers: [keys, positions] }
    ),
  ];
}

/** Positions of the input's elements in their order. */
export function argsortEmission(sizes: SortSizes, options: SortOptions): Emission {
  const { rows, n } = sizes;
  if (n > SHORT) {
    const buffers: SortBuffers = { input: { input: 0 }, keys: { scratch: 0 }, positions: "output" };
    return { dispatches: sortDispatches(sizes, options, buffers), scratch: [rows * n * 4] };
  }
  const dispatch: Dispatch = {
    kernel: argsortByRank(options),
    grid: linearGrid(Math.ceil(rows * n / SORT_WORKGROUP)),
    uniforms: sortUniforms(sizes, 0),
    buffers: [{ input: 0 }, "output"],
  };
  return { dispatches: [dispatch] };
}
