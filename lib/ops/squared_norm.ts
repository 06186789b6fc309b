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
import { batchOneByOne } from "./batch_one_by_one.ts";
import { zeros } from "./full.ts";
import { requireDType } from "./elementwise.ts";
import { apply, type Dispatch, type Primitive } from "./primitive.ts";

/** Buffers that one kernel reads: with its output at most 8. */
const BUFFERS = 7;

/** What one dispatch does: the buffers that it reads, by an input that lies in each, and the arrays in them. */
interface Round {
  readonly memories: unknown[];
  readonly inputs: number[];
  readonly arrays: SquaredArray[];
}

/** The sum of the squares of all elements of several tensors. */
export const squaredNormPrimitive: Primitive<undefined> = {
  name: "squaredNorm",
  infer: () => ({ shape: [], dtype: "f32" }),
  lowering: {
    kind: "kernel",
    // In whatever order the elements lie: a transposed gradient need not be copied.
    accepts: (input, views) => invertView(views[input]) !== undefined,
    sharesMemory: true,
    emit({ inputs }) {
      const rounds: Round[] = [];
      let partials = 0;
      // Partial sums lie in the order of the inputs, whichever dispatch makes them.
      inputs.forEach((input, i) => {
        const { view, memory = input, first = 0 } = input;
        let round = rounds.find(({ memories, arrays }) =>
          arrays.length < SQUARED_ARRAYS && (memories.includes(memory) || memories.length < BUFFERS)
        );
        if (!round) rounds.push(round = { memories: [], inputs: [], arrays: [] });
        if (!round.memories.includes(memory)) {
          round.memories.push(memory);
          round.inputs.push(i);
        }
        const size = sizeOf(view.shape);
        round.arrays.push({ buffer: round.memories.indexOf(memory), offset: first, size, partial: partials });
        partials += squaredNormChunks(size);
      });
      const dispatches = rounds.map(({ inputs, arrays }): Dispatch => ({
        ...squaredNormDispatch(arrays),
        buffers: [...inputs.map((input) => ({ input })), { scratch: 0 }],
      }));
      dispatches.push({
        kernel: sumPartials(),
        grid: [1, 1, 1],
        uniforms: Uint32Array.of(partials, 0, 0, 0),
        buffers: [{ scratch: 0 }, "output"],
      });
      return { dispatches, scratch: [4 * partials] };
    },
  },
  reference: (inputs) => Float64Array.of(inputs.reduce((sum, { data }) => data.reduce((s, x) => s + x * x, sum), 0)),
  vjp: ({ inputs, cotangent, needs }) => inputs.map((x, i) => needs[i] ? x.mul(2).mul(cotangent) : undefined),
  batch: (site) => batchOneByOne(squaredNormPrimitive, site),
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
  return parts.length === 0 ? zeros([]) : apply(squaredNormPrimitive, parts, undefined);
}
