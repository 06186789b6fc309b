import * as ops from "../../lib/ops/mod.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { Numbers } from "../support/numbers.ts";

/** An operation with inputs that show its edges: one line each. */
export interface Row {
  readonly name: string;
  readonly f: (...inputs: Tensor[]) => Tensor;
  readonly shapes: readonly (readonly number[])[];
  /** Range of the inputs. */
  readonly min?: number;
  readonly max?: number;
  /** Whether values lie apart, so that differences do not step over the edge of a choice. */
  readonly apart?: boolean;
  /** Whether there is no derivative to check. */
  readonly flat?: boolean;
}

const ODD: readonly (readonly number[])[] = [[1], [7], [63], [64], [65], [257], [3, 5], [2, 7, 33]];
const unary = (name: string, f: (x: Tensor) => Tensor, options: Partial<Row> = {}): Row[] =>
  ODD.map((shape) => ({ name: `${name} of [${shape}]`, f, shapes: [shape], ...options }));
const PAIRS = [[[5], [5]], [[3, 5], [5]], [[3, 1], [1, 5]], [[2, 7, 33], [7, 1]], [[], [4, 4]], [[257], []]];
const binary = (name: string, f: (x: Tensor, y: Tensor) => Tensor, options: Partial<Row> = {}): Row[] =>
  PAIRS.map((shapes) => ({ name: `${name} of [${shapes[0]}] and [${shapes[1]}]`, f, shapes, ...options }));
const REDUCED: readonly (readonly [readonly number[], number | number[] | undefined])[] = [
  [[1], 0],
  [[7], undefined],
  [[257], 0],
  [[65, 33], 0],
  [[65, 33], 1],
  [[3, 64, 7], 1],
  [[3, 64, 8], [0, 2]],
  [[2, 3, 4, 5], [1, 3]],
  [[4, 9000], -1],
  [[9000, 4], 0],
  [[40000], undefined],
  [[3, 257, 16], [0, 1]],
];
const reductions = (name: "sum" | "mean" | "max" | "min" | "variance" | "logSumExp"): Row[] =>
  REDUCED.map(([shape, axis]) => ({
    name: `${name} of [${shape}] over ${axis}`,
    f: (x) => ops[name](x, { axis }),
    shapes: [shape],
    apart: name === "max" || name === "min",
  }));
const rows = (name: string, f: (x: Tensor) => Tensor): Row[] =>
  [[1, 1], [3, 2], [7, 63], [5, 64], [65, 65], [2, 3, 257], [9, 128]].map((shape) => ({
    name: `${name} of [${shape}]`,
    f,
    shapes: [shape],
  }));

const PRODUCTS: readonly (readonly [number[], number[], boolean, boolean])[] = [
  [[1, 1], [1, 1], false, false],
  [[7, 63], [63, 5], false, false],
  [[64, 65], [65, 257], false, false],
  [[65, 64], [64, 64], false, false],
  [[33, 128], [40, 128], false, true],
  [[128, 8], [128, 96], true, false],
  [[8, 12], [16, 8], true, true],
  [[2, 3, 24, 32], [2, 3, 24, 32], false, true],
  [[4, 7, 9], [9, 5], false, false],
  [[5, 1, 8, 16], [3, 16, 4], false, false],
  [[2, 16], [16, 2], false, false],
  [[257, 64], [64, 36], false, false],
  [[64, 4], [4, 64], false, false],
  [[6, 6], [1, 6], false, true],
  [[70, 512], [512, 8], false, false],
];

/** Lengths at the edges of a thread's row, a workgroup's block, and of a workgroup's blocks. */
const SUMMED: readonly (readonly [readonly number[], number])[] = [
  [[1], 0],
  [[64], 0],
  [[65], 0],
  [[3, 257], 1],
  [[5, 70, 3], 1],
  [[3, 1024], 1],
  [[2, 1025], 1],
  [[2, 70000], 1],
];

const EQUATIONS: readonly (readonly [string, ...(readonly number[])[]])[] = [
  ["ij,jk->ik", [7, 65], [65, 9]],
  ["ji,kj->ki", [5, 7], [9, 5]],
  ["bij,bkj->bik", [3, 4, 5], [3, 6, 5]],
  ["bqhd,bkhd->bhqk", [2, 5, 3, 4], [2, 7, 3, 4]],
  ["...qd,...kd->...qk", [2, 3, 4, 8], [3, 5, 8]],
  ["...i,...i->...", [1, 4, 7], [3, 1, 7]],
  ["ii->i", [5, 5]],
  ["iji->j", [3, 4, 3]],
  ["ij->ji", [5, 7]],
  ["ijk->j", [3, 5, 4]],
  ["ij,ij->", [33, 9], [33, 9]],
  ["ij,ij->ij", [3, 5], [3, 5]],
  ["i,j->ij", [65], [5]],
  ["aab,bc->ac", [3, 3, 4], [4, 5]],
  ["ij,jk,kl->li", [3, 40], [40, 5], [5, 2]],
  ["ij,kj,j", [3, 5], [4, 5], [5]],
];

/** Every operation on shapes at the edges of its kernels. */
export const TABLE: readonly Row[] = [
  ...unary("neg", ops.neg),
  ...unary("abs", ops.abs),
  ...unary("sign", ops.sign, { flat: true }),
  ...unary("exp", ops.exp),
  ...unary("log", ops.log, { min: 0.2 }),
  ...unary("sqrt", ops.sqrt, { min: 0.2 }),
  ...unary("rsqrt", ops.rsqrt, { min: 0.2 }),
  ...unary("square", ops.square),
  ...unary("sin", ops.sin),
  ...unary("cos", ops.cos),
  ...unary("tanh", ops.tanh),
  ...unary("sigmoid", ops.sigmoid),
  ...unary("erf", ops.erf),
  ...unary("relu", ops.relu),
  ...unary("silu", ops.silu),
  ...unary("gelu", ops.gelu),
  ...unary("gelu by tanh", (x) => ops.gelu(x, { approximate: "tanh" })),
  ...unary("gelu far out", ops.gelu, { min: -12, max: 12 }),
  ...unary("copy", ops.copy),
  ...binary("add", ops.add),
  ...binary("sub", ops.sub),
  ...binary("mul", ops.mul),
  ...binary("div", ops.div, { min: 0.5 }),
  ...binary("pow", ops.pow, { min: 0.5 }),
  ...binary("maximum", ops.maximum, { apart: true }),
  ...binary("minimum", ops.minimum, { apart: true }),
  ...binary("where", (x, y) => ops.where(ops.greater(x, y), x, ops.mul(y, 3)), { apart: true }),
  ...unary("floor", ops.floor, { flat: true }),
  ...unary("ceil", ops.ceil, { flat: true }),
  ...unary("round", (x) => ops.round(ops.mul(x, 8)), { flat: true }),
  ...unary("log1p", ops.log1p, { min: -0.7, max: 3 }),
  ...unary("expm1", ops.expm1),
  // Quotients stay between two whole numbers, so that differences step over no edge.
  ...binary("mod below the divisor", (x, y) => ops.mod(x, ops.add(y, 2.5)), { min: 0.1 }),
  ...binary("mod of another sign", (x, y) => ops.mod(ops.sub(x, 9), ops.add(y, 6.25)), { min: -0.25, max: 0.25 }),
  ...binary("clip", (x, y) => ops.clip(x, { min: 0.75, max: ops.add(y, 1) }), { apart: true }),
  ...binary("equal", (x, y) => ops.cast(ops.equal(x, y), "f32"), { flat: true }),
  ...binary("less", (x, y) => ops.cast(ops.less(x, y), "f32"), { flat: true }),
  ...binary(
    "lessEqual and not greaterEqual",
    (x, y) => ops.cast(ops.logicalAnd(ops.lessEqual(x, y), ops.logicalNot(ops.greaterEqual(x, y))), "f32"),
    { flat: true },
  ),
  ...reductions("sum"),
  ...reductions("mean"),
  ...reductions("max"),
  ...reductions("min"),
  ...reductions("variance"),
  ...reductions("logSumExp"),
  ...REDUCED.filter(([shape]) => shape.every((size) => size < 9000)).map(([shape, axis]): Row => ({
    name: `prod of [${shape}] over ${axis}`,
    f: (x) => ops.prod(x, { axis }),
    shapes: [shape],
    min: 0.9,
    max: 1.1,
  })),
  // Zeros are half of the elements: none, one or several in a row.
  { name: "prod of [40, 3] with zeros", f: (x) => ops.prod(ops.relu(x), { axis: 1 }), shapes: [[40, 3]] },
  {
    name: "variance with a correction, of [5, 7, 3] over 1",
    f: (x) => ops.variance(x, { axis: 1, keepDims: true, correction: 1 }),
    shapes: [[5, 7, 3]],
  },
  ...REDUCED.map(([shape, axis]): Row => ({
    name: `any and all of [${shape}] over ${axis}`,
    f: (x) =>
      ops.sub(ops.any(ops.less(x, -1.9), { axis }).astype("f32"), ops.all(ops.less(x, 1.9), { axis }).astype("f32")),
    shapes: [shape],
    flat: true,
  })),
  { name: "argmin", f: (x) => ops.argmin(x, { axis: 1 }).astype("f32"), shapes: [[3, 65, 2]], apart: true, flat: true },
  ...SUMMED.map(([shape, axis], i): Row => ({
    name: `cumulativeSum of [${shape}] along ${axis}`,
    f: (x) => ops.cumulativeSum(x, { axis, reverse: i % 2 === 1 }),
    shapes: [shape],
  })),
  { name: "tril", f: (x) => ops.tril(x, { diagonal: -1 }), shapes: [[2, 7, 5]] },
  { name: "triu", f: (x) => ops.exp(ops.triu(x, { diagonal: 1 })), shapes: [[33, 65]] },
  { name: "roll along axes", f: (x) => ops.roll(x, { shift: [2, -70], axis: [0, 2] }), shapes: [[3, 5, 33]] },
  { name: "roll in row-major order", f: (x) => ops.square(ops.roll(x, { shift: 7 })), shapes: [[3, 5]] },
  { name: "tile", f: (x) => ops.tile(ops.exp(x), [2, 1, 3]), shapes: [[5, 7]] },
  { name: "pad", f: (x) => ops.pad(x, { width: [1, [0, 3], [2, 0]], value: 0.5 }), shapes: [[3, 5, 4]] },
  ...EQUATIONS.map(([equation, ...shapes]): Row => ({
    name: `einsum of ${equation} of [${shapes.join("], [")}]`,
    f: (...inputs) => ops.einsum(equation, ...inputs),
    shapes,
  })),
  { name: "flip of [3, 5, 7] along all axes", f: (x) => ops.mul(ops.flip(x), x), shapes: [[3, 5, 7]] },
  { name: "flip of [5, 64] along 1", f: (x) => ops.exp(ops.flip(x, { axis: 1 })), shapes: [[5, 64]] },
  { name: "flip of rows in fours, [9, 8] along 0", f: (x) => ops.flip(ops.square(x), { axis: 0 }), shapes: [[9, 8]] },
  {
    name: "flip before sums, products and joins",
    f: (x, y) => {
      const heads = ops.flip(x, { axis: [0, 2] });
      const product = ops.matmul(heads, ops.flip(y, { axis: 0 }), { transposeB: true });
      return ops.concat([product, ops.sum(heads, { axis: 1, keepDims: true })], { axis: 1 });
    },
    shapes: [[3, 5, 6], [3, 6, 6]],
  },
  ...rows("softmax", ops.softmax),
  ...rows("logSoftmax", ops.logSoftmax),
  ...rows("normalize", (x) => ops.normalize(x, { epsilon: 0.1 })),
  { name: "softmax along axis 1 of 3", f: (x) => ops.softmax(x, { axis: 1 }), shapes: [[3, 9, 4]] },
  ...PRODUCTS.map(([a, b, transposeA, transposeB]): Row => ({
    name: `matmul of [${a}]${transposeA ? "ᵀ" : ""} and [${b}]${transposeB ? "ᵀ" : ""}`,
    f: (x, y) => ops.matmul(x, y, { transposeA, transposeB }),
    shapes: [a, b],
  })),
  {
    name: "matmul of heads cut out of one tensor",
    f: (x) => {
      const heads = ops.transpose(ops.reshape(x, [2, 24, 4, 16]), [0, 2, 1, 3]);
      return ops.matmul(heads, heads, { transposeB: true });
    },
    shapes: [[48, 64]],
  },
  ...[[33, 12, 20], [64, 64, 64], [7, 8, 5], [1, 16, 24], [40, 4, 1]].flatMap(([m, k, n]): Row[] => [
    {
      name: `matmul, bias and gelu of [${m},${k}] and [${n},${k}]ᵀ`,
      f: (x, w, b) => ops.gelu(ops.add(ops.matmul(x, w, { transposeB: true }), b)),
      shapes: [[m, k], [n, k], [n]],
    },
    {
      name: `matmul with factors before and after, of [${m},${k}] and [${k},${n}]`,
      f: (x, w, y) => ops.add(ops.mul(ops.matmul(ops.mul(ops.matmul(x, w), 0.5), y), -1.25), x),
      shapes: [[m, k], [k, n], [n, k]],
      min: -1,
      max: 1,
    },
    {
      name: `matmul that is used before and after its factor, of [${m},${k}] and [${k},${n}]`,
      f: (x, w) => {
        const product = ops.matmul(x, w);
        return ops.add(ops.mul(product, 3), ops.square(product));
      },
      shapes: [[m, k], [k, n]],
    },
  ]),
  ...[[2, 3, 5, 8], [1, 4, 24, 16], [3, 2, 1, 4], [2, 2, 3, 6]].map(([B, H, T, d]): Row => ({
    name: `matmul whose heads are joined again, of [${B},${H},${T},${d}]`,
    f: (p, v) => {
      const mixed = ops.transpose(ops.matmul(p, v), [0, 2, 1, 3]);
      return ops.sigmoid(ops.reshape(mixed, [B * T, H * d]));
    },
    shapes: [[B, H, T, T], [B, H, T, d]],
  })),
  {
    name: "normalize with its affine part, and what comes of it in another order",
    f: (x, w, b) => ops.reshape(ops.transpose(ops.add(ops.mul(ops.normalize(x), w), b), [1, 0, 2]), [5, 24]),
    shapes: [[3, 5, 8], [8], [8]],
  },
  {
    name: "squaredNorm of many tensors",
    f: (x, y, ...parts) =>
      ops.squaredNorm([ops.mul(x, x), ops.transpose(y), ops.slice(y, { start: [1, 2], size: [3, 4] }), ...parts]),
    shapes: [[3], [5, 7], [9000], [1], [64], [65, 2], [4], [4096], [2, 2]],
  },
  { name: "reshape of a transposed tensor", f: (x) => ops.reshape(ops.transpose(x), [5, -1]), shapes: [[7, 5]] },
  { name: "transpose of three axes", f: (x) => ops.transpose(x, [2, 0, 1]), shapes: [[3, 65, 4]] },
  { name: "broadcastTo", f: (x) => ops.broadcastTo(x, [4, 3, 5]), shapes: [[3, 1]] },
  { name: "expandDims and squeeze", f: (x) => ops.squeeze(ops.expandDims(x, 1), 1), shapes: [[3, 5]] },
  { name: "slice", f: (x) => ops.slice(x, { start: [1, 2, 3], size: [2, 10, -1] }), shapes: [[4, 13, 9]] },
  { name: "concat along 0", f: (x, y) => ops.concat([x, y, x]), shapes: [[3, 5], [2, 5]] },
  { name: "concat along 1", f: (x, y) => ops.concat([x, y], { axis: 1 }), shapes: [[3, 5], [3, 2]] },
  { name: "stack", f: (x, y) => ops.stack([x, y], { axis: 1 }), shapes: [[3, 5], [3, 5]] },
  { name: "split", f: (x) => ops.mul(...ops.split(x, { sections: 2 }) as [Tensor, Tensor]), shapes: [[3, 8]] },
  { name: "select", f: (x) => ops.select(x, { axis: 1, index: -1 }), shapes: [[3, 5, 2]] },
  {
    name: "logProbability of odd rows",
    f: (x) => ops.logProbability(x, tensor(Int32Array.of(0, 6, 3, 3, 1))),
    shapes: [[5, 7]],
  },
  {
    name: "logProbability in fours, with weights",
    f: (x, w) => ops.mul(ops.logProbability(x, tensor(Int32Array.of(0, 67, 31))), w),
    shapes: [[3, 68], [3]],
  },
  {
    name: "logProbability of smoothed labels, odd rows",
    f: (x, w) => ops.mul(ops.logProbability(x, tensor(Int32Array.of(0, 6, 3, 3, 1)), { smoothing: 0.1 }), w),
    shapes: [[5, 7], [5]],
  },
  {
    name: "logProbability of smoothed labels in fours",
    f: (x) => ops.logProbability(x, tensor(Int32Array.of(0, 67, 31)), { smoothing: 0.75 }),
    shapes: [[3, 68]],
  },
  {
    name: "matmulSum in fours",
    f: (a, b, z, v) => ops.matmulSum([a, b], [z, v]),
    shapes: [[20, 16], [16, 36], [20, 8], [8, 36]],
  },
  {
    name: "matmulSum of transposed operands and odd sizes",
    f: (a, b, z, v) => ops.matmulSum([a, ops.transpose(b)], [z, ops.transpose(v)]),
    shapes: [[7, 12], [9, 12], [7, 3], [9, 3]],
  },
  {
    name: "matmulSum with two blocks",
    f: (a, b, z, v, z1, v1) => ops.matmulSum([a, b], [z, v], [z1, v1]),
    shapes: [[20, 16], [16, 36], [20, 8], [8, 36], [20, 4], [4, 36]],
  },
  {
    name: "matmulSum with two transposed blocks of odd sizes, one a view",
    f: (a, b, z, v, z1, v1) =>
      ops.matmulSum([a, ops.transpose(b)], [z, ops.transpose(v)], [ops.mul(z1, 2), ops.transpose(v1)]),
    shapes: [[7, 12], [9, 12], [7, 3], [9, 3], [7, 1], [9, 1]],
  },
  {
    name: "matmulSum with blocks that lie otherwise",
    f: (a, b, z, v, z1, v1) => ops.matmulSum([a, b], [z, ops.transpose(v)], [z1, v1]),
    shapes: [[8, 12], [12, 8], [8, 4], [8, 4], [8, 4], [4, 8]],
  },
  {
    name: "matmulSum with work before and after it",
    f: (a, b, z, v) => ops.tanh(ops.add(ops.mul(ops.matmulSum([ops.transpose(a), b], [ops.mul(z, 2), v]), 0.5), z)),
    shapes: [[8, 12], [8, 4], [12, 4], [4, 4]],
  },
  {
    name: "addLowRank in fours",
    f: (W, left, right) => ops.addLowRank(W, { left, right, scale: 0.5 }),
    shapes: [[13, 16], [13, 8], [8, 16]],
  },
  {
    name: "addLowRank of odd sizes",
    f: (W, left, right) => ops.addLowRank(W, { left, right, scale: 0.5 }),
    shapes: [[7, 9], [7, 3], [3, 9]],
  },
  {
    name: "addLowRank in blocks",
    f: (W, l0, l1, r0, r1) => ops.addLowRank(W, { left: [l0, l1], right: [r0, r1], scale: 0.5 }),
    shapes: [[7, 8], [7, 4], [7, 2], [4, 8], [2, 8]],
  },
  {
    name: "addLowRank by a scale that is a tensor",
    f: (W, left, right, scale) => ops.addLowRank(W, { left, right, scale }),
    shapes: [[8, 8], [8, 4], [4, 8], []],
  },
  { name: "embedding", f: (x) => ops.embedding(x, tensor(Int32Array.of(1, 5, 5, 9, 0, 5))), shapes: [[10, 12]] },
  {
    name: "embedding of odd width",
    f: (x) => ops.embedding(x, tensor([[1, 2], [2, 2]], { dtype: "i32" })),
    shapes: [[3, 7]],
  },
  ...[[1], [7], [63], [64], [65], [257], [3, 5], [2, 1025], [3, 2500]].flatMap((shape): Row[] => [
    { name: `sort of [${shape}]`, f: (x) => ops.sort(x), shapes: [shape], apart: true },
    {
      name: `argsort of [${shape}]`,
      f: (x) => ops.cast(ops.argsort(x, { descending: true }), "f32"),
      shapes: [shape],
      apart: true,
      flat: true,
    },
  ]),
  {
    name: "sort along an axis in the middle, descending",
    f: (x) => ops.sort(x, { axis: 1, descending: true }),
    shapes: [[3, 70, 5]],
    apart: true,
  },
  {
    name: "topK",
    f: (x) => ops.topK(x, 3, { axis: 0 })[0],
    shapes: [[9, 5]],
    apart: true,
  },
  {
    name: "takeAlong of indices that are computed",
    f: (x, y) => ops.takeAlong(x, ops.argsort(y, { axis: 0 }), { axis: 0 }),
    shapes: [[66, 3], [66, 3]],
    apart: true,
  },
  {
    name: "takeAlong of repeated and stretched indices",
    f: (x) => ops.takeAlong(x, tensor([[[2], [0], [2], [2], [1]]], { dtype: "i32" }), { axis: 1 }),
    shapes: [[2, 3, 4]],
  },
  {
    name: "takeAlong of many indices",
    f: (x) => ops.takeAlong(x, new Numbers(4).ids([2, 300], 7)),
    shapes: [[2, 7]],
  },
  {
    name: "scatterAdd of few",
    f: (x, updates) => ops.scatterAdd(x, tensor([[1], [1], [-1], [4]], { dtype: "i32" }), updates, { axis: 0 }),
    shapes: [[3, 5], [4, 5]],
  },
  {
    name: "scatterAdd of many",
    f: (x, updates) => ops.scatterAdd(x, new Numbers(5).ids([2, 1100, 2], 7), updates, { axis: 1 }),
    shapes: [[2, 6, 2], [2, 1100, 2]],
  },
  {
    name: "scatterAdd by indices that are computed",
    f: (x, updates, y) => ops.scatterAdd(x, ops.argsort(y), updates),
    shapes: [[3, 9], [3, 9], [3, 9]],
    apart: true,
  },
  {
    name: "dynamicSlice",
    f: (x) => ops.dynamicSlice(x, { start: [1, tensor([-3], { dtype: "i32" }), 9], size: [2, 5, 2] }),
    shapes: [[4, 13, 9]],
  },
  {
    name: "dynamicSlice at a place that is computed",
    f: (x, y) => ops.dynamicSlice(x, { start: ops.slice(ops.argsort(y), { start: [0], size: [2] }), size: [2, 33] }),
    shapes: [[7, 65], [9]],
    apart: true,
  },
  {
    name: "dynamicUpdateSlice",
    f: (x, update) => ops.dynamicUpdateSlice(x, update, { start: tensor([3, 0, -1], { dtype: "i32" }) }),
    shapes: [[4, 13, 9], [2, 5, 2]],
  },
  {
    name: "dynamicUpdateSlice at a place that is computed",
    f: (x, update, y) => ops.dynamicUpdateSlice(x, update, { start: [ops.argmax(y)] }),
    shapes: [[257], [64], [9]],
    apart: true,
  },
];

/** The inputs of a row; others by another seed. */
export function inputsOf({ shapes, min, max, apart }: Row, seed = 3): Tensor[] {
  const numbers = new Numbers(seed);
  return shapes.map((shape, i) => apart ? numbers.grid(shape, i / 64) : numbers.tensor(shape, { min, max }));
}
