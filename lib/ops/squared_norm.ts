import {
  SQUARED_ARRAYS,
  type SquaredArray,
  squaredNormChunks,
  squaredNormDispatch,
  sumPartials,
} from "../../kernels/squared_norm.ts";
import { sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { invertView } from "../tensor/view.ts";
import { batchCells, cellOf, type OfCells } from "./batching.ts";
import { zeros } from "./full.ts";
import { requireDType } from "./elementwise.ts";
import { apply, type Dispatch, type KernelInput, type Primitive } from "./primitive.ts";

/** Buffers that one kernel reads: with its output at most 8. */
const BUFFERS = 7;

/** What one dispatch does: the buffers that it reads, by an input that lies in each, and the arrays in them. */
interface Round {
  readonly memories: unknown[];
  readonly inputs: number[];
  readonly arrays: SquaredArray[];
}

/** Puts arrays into dispatches, which read few buffers each. */
function roundsOf(
  inputs: readonly KernelInput[],
  arrays: readonly { readonly input: number; readonly offset: number; readonly size: number }[],
): { readonly rounds: readonly Round[]; readonly partials: number } {
  const rounds: Round[] = [];
  let partials = 0;
  // Partial sums lie in the order of the arrays, whichever dispatch makes them.
  for (const { input, offset, size } of arrays) {
    const { memory = inputs[input] } = inputs[input];
    let round = rounds.find(({ memories, arrays }) =>
      arrays.length < SQUARED_ARRAYS && (memories.includes(memory) || memories.length < BUFFERS)
    );
    if (!round) rounds.push(round = { memories: [], inputs: [], arrays: [] });
    if (!round.memories.includes(memory)) {
      round.memories.push(memory);
      round.inputs.push(input);
    }
    round.arrays.push({ buffer: round.memories.indexOf(memory), offset, size, partial: partials });
    partials += squaredNormChunks(size);
  }
  return { rounds, partials };
}

/** The sum of the squares of all elements of several tensors. */
export const squaredNormPrimitive: Primitive<OfCells> = {
  name: "squaredNorm",
  infer: (_, { cells }) => ({ shape: cells === undefined ? [] : [cells], dtype: "f32" }),
  lowering: {
    kind: "kernel",
    // In whatever order the elements of a cell lie: a transposed gradient need not be copied.
    accepts: (input, views, { cells }) => invertView(cellOf(views[input], cells !== undefined)) !== undefined,
    sharesMemory: true,
    emit({ inputs, params }) {
      const { cells = 1 } = params;
      const arrays = Array.from({ length: cells }, (_, cell) =>
        inputs.map(({ view, first = 0 }, input) => {
          const next = params.cells === undefined ? 0 : view.strides[0];
          return { input, offset: first + cell * next, size: sizeOf(view.shape) / cells };
        })).flat();
      const { rounds, partials } = roundsOf(inputs, arrays);
      const dispatches = rounds.map(({ inputs, arrays }): Dispatch => ({
        ...squaredNormDispatch(arrays),
        buffers: [...inputs.map((input) => ({ input })), { scratch: 0 }],
      }));
      dispatches.push({
        kernel: sumPartials(),
        grid: [cells, 1, 1],
        uniforms: Uint32Array.of(partials / cells, 0, 0, 0),
        buffers: [{ scratch: 0 }, "output"],
      });
      return { dispatches, scratch: [4 * partials] };
    },
  },
  reference: (inputs, { cells = 1 }) =>
    Float64Array.from({ length: cells }, (_, cell) =>
      inputs.reduce((sum, { data }) => {
        const size = data.length / cells;
        return data.subarray(cell * size, (cell + 1) * size).reduce((s, x) => s + x * x, sum);
      }, 0)),
  vjp: ({ inputs, params: { cells }, cotangent, needs }) =>
    inputs.map((x, i) => {
      if (!needs[i]) return undefined;
      const slope = cells === undefined ? cotangent : cotangent.reshape([cells, ...x.shape.slice(1).map(() => 1)]);
      return x.mul(2).mul(slope);
    }),
  batch: (site) => batchCells(squaredNormPrimitive, site),
};

/**
 * Sums the squares of all elements of several f32 tensors into one scalar, in a few dispatches however many tensors
 * there are: the square of their global norm, by which gradients are clipped. Of no tensors it is 0.
 *
 * Throws a TypeError where a tensor that has elements is of another dtype.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const norm = dd.squaredNorm([dd.tensor([3, 4]), dd.tensor([[12]])]).sqrt();
 * console.log(await norm.item()); // 13
 * ```
 */
export function squaredNorm(tensors: readonly Tensor[]): Tensor {
  const parts = tensors.filter(({ size }) => size > 0);
  for (const part of parts) requireDType("squaredNorm", part, ["f32"]);
  return parts.length === 0 ? zeros([]) : apply(squaredNormPrimitive, parts, {});
}
