import { formatShape } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import { isContiguous } from "../tensor/view.ts";
import { batchCells, cellOf, type OfCells } from "./batching.ts";
import { constant } from "./constant.ts";
import { requireDType } from "./elementwise.ts";
import { addLowRankDispatch } from "./kernel_calls.ts";
import { apply, type Primitive } from "./primitive.ts";
import { reshape } from "./reshape.ts";

/**
 * A matrix `scale · left · right` that is never formed, as changes of weights are written in LoRA ([Hu et al.
 * 2021](https://arxiv.org/abs/2106.09685)). Each side is whole, or a list of blocks: those of `left` stand side by
 * side, those of `right` one above the other. `LowRank<Tensor>` is one with whole sides.
 */
export interface LowRank<Side extends Tensor | readonly Tensor[] = Tensor | readonly Tensor[]> {
  /** The left factor `[m, r]`, or its blocks `[m, r₁]`, `[m, r₂]`. */
  readonly left: Side;
  /** The right factor `[r, n]`, or its blocks `[r₁, n]`, `[r₂, n]`. */
  readonly right: Side;
  /** A factor of the product: a number, or an f32 scalar that may differ from step to step. */
  readonly scale: Tensor | number;
}

/** Blocks that one kernel takes. */
const MAX_BLOCKS = 2;

/** The inputs after W and scale: blocks of left, then as many of right. */
function blocksOf<T>(inputs: readonly T[]): [left: T, right: T][] {
  const count = (inputs.length - 2) / 2;
  return inputs.slice(2, 2 + count).map((left, i) => [left, inputs[2 + count + i]]);
}

/**
 * W + scale·left·right; W's own bits where scale is 0. Inputs: W, scale, blocks of left, blocks of right; of several cells
 * all have their axis in front.
 */
export const addLowRankPrimitive: Primitive<OfCells> = {
  name: "addLowRank",
  infer: ([w]) => w,
  lowering: {
    kind: "kernel",
    inPlace: 0,
    accepts(input, views, { cells }) {
      const view = views[input];
      return view.offset === 0 && isContiguous(cellOf(view, cells !== undefined));
    },
    emit({ output: { shape }, inputs, inPlace, params: { cells } }) {
      const [m, n] = shape.slice(-2);
      const ranks = blocksOf(inputs).map(([{ view }]) => view.shape.at(-1)!);
      const next = cells === undefined ? undefined : inputs.map(({ view }) => view.strides[0]);
      const sizes = { m, n, ranks, next, cells: cells ?? 1 };
      return { dispatches: [addLowRankDispatch(sizes, inPlace)] };
    },
  },
  reference(inputs) {
    const [w, { data: scales }] = inputs;
    const [m, n] = w.shape.slice(-2);
    return w.data.map((value, i) => {
      const row = Math.floor(i / n); // of those of all cells
      const cell = Math.floor(row / m);
      let product = 0;
      for (const [left, right] of blocksOf(inputs)) {
        const r = left.shape.at(-1)!;
        for (let j = 0; j < r; j++) product += left.data[row * r + j] * right.data[(cell * r + j) * n + i % n];
      }
      const scale = scales[cell];
      return scale === 0 ? value : value + scale * product;
    });
  },
  vjp({ inputs, params: { cells }, cotangent, needs }) {
    const scale = inputs[1];
    const blocks = blocksOf(inputs);
    const factor = cells === undefined ? scale : scale.reshape([-1, 1, 1]);
    const product = () => blocks.map(([left, right]) => left.matmul(right)).reduce((x, y) => x.add(y));
    return [
      cotangent,
      needs[1] ? cotangent.mul(product()).sum({ axis: cells === undefined ? undefined : [1, 2] }) : undefined,
      ...blocks.map(([, right], i) =>
        needs[2 + i] ? cotangent.matmul(right, { transposeB: true }).mul(factor) : undefined
      ),
      ...blocks.map(([left], i) =>
        needs[2 + blocks.length + i] ? left.matmul(cotangent, { transposeA: true }).mul(factor) : undefined
      ),
    ];
  },
  batch: (site) => batchCells(addLowRankPrimitive, site),
};

/**
 * Adds a factored matrix to a dense one without forming the product: `W + scale · left · right`, W `[m, n]`, left `[m,
 * r]`, right `[r, n]`, in one or two blocks, all f32. The product is summed before it meets W, so that it is rounded
 * once. Where `scale` is 0 the result has W's own bits, whatever stands in the factors.
 *
 * Throws a TypeError where a matrix is not f32, and a RangeError where the shapes do not fit or there are more than two
 * blocks.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const W = dd.tensor([[1, 2], [3, 4]]);
 * const change = { left: dd.tensor([[1], [2]]), right: dd.tensor([[10, 20]]), scale: 0.5 };
 * console.log(await dd.addLowRank(W, change).data()); // Float32Array [6, 12, 13, 24]
 * ```
 */
export function addLowRank(w: Tensor, { left, right, scale }: LowRank): Tensor {
  const [lefts, rights] = [left, right].map((side) => side instanceof Tensor ? [side] : side);
  for (const part of [w, ...lefts, ...rights]) requireDType("addLowRank", part, ["f32"]);
  const fits = w.rank === 2 && lefts.length === rights.length && lefts.length >= 1 && lefts.length <= MAX_BLOCKS &&
    lefts.every((block, i) =>
      block.rank === 2 && rights[i].rank === 2 && block.shape[0] === w.shape[0] &&
      rights[i].shape[1] === w.shape[1] && block.shape[1] === rights[i].shape[0]
    );
  if (!fits) {
    const [a, b] = [lefts, rights].map((side) => side.map(({ shape }) => formatShape(shape)).join(" "));
    throw new RangeError(`addLowRank: ${a} · ${b} does not fit ${formatShape(w.shape)}`);
  }
  const factor = scale instanceof Tensor ? reshape(scale, []) : constant(scale);
  const ranks = lefts.flatMap(({ shape: [, rank] }, i) => rank > 0 ? [i] : []);
  // Nothing is added to no elements: a factor that is NaN reaches no derivative either.
  if (ranks.length === 0 || w.size === 0) return w;
  const blocks = [lefts, rights].flatMap((side) => ranks.map((i) => side[i]));
  return apply(addLowRankPrimitive, [w, factor, ...blocks], {});
}
