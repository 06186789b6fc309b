// All functions and types of the operations: mod.ts exports this list, and methods.ts makes methods of tensors of it.
export { abs, add, div, maximum, minimum, mul, neg, sign, sub } from "./arithmetic.ts";
export { pow } from "./power.ts";
export { mod } from "./remainder.ts";
export { ceil, floor, round } from "./rounding.ts";
export { clip } from "./clip.ts";
export { expm1, log1p } from "./near_zero.ts";
export { erf, gelu, relu, silu } from "./activation.ts";
export { arange, oneHot } from "./arange.ts";
export { all, any } from "./any_all.ts";
export { argmax, argmin } from "./argmax.ts";
export { broadcastTo } from "./broadcast.ts";
export { cast } from "./cast.ts";
export {
  equal,
  greater,
  greaterEqual,
  isFinite,
  isNaN,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  notEqual,
} from "./compare.ts";
export { type DTypeOption, full, ones, onesLike, zeros, zerosLike } from "./full.ts";
export { copy } from "./copy.ts";
export { controlDependency, stopGradient } from "./identity.ts";
export { dynamicSlice, dynamicUpdateSlice } from "./dynamic_slice.ts";
export { embedding } from "./embedding.ts";
export { cos, exp, log, rsqrt, sigmoid, sin, sqrt, tanh } from "./exponential.ts";
export { square } from "./arithmetic.ts";
export { addLowRank, type LowRank } from "./low_rank.ts";
export { matmul } from "./matmul.ts";
export { logProbability, type LogProbabilityOptions } from "./log_probability.ts";
export { matmulSum } from "./matmul_sum.ts";
export { max, mean, min, sum } from "./reduce.ts";
export { prod } from "./prod.ts";
export { variance } from "./variance.ts";
export { logSumExp } from "./log_sum_exp.ts";
export { cumulativeSum } from "./cumulative_sum.ts";
export { einsum } from "./einsum.ts";
export { flip } from "./flip.ts";
export { pad } from "./pad.ts";
export { roll } from "./roll.ts";
export { tile } from "./tile.ts";
export { tril, triu } from "./triangle.ts";
export { expandDims, reshape, squeeze, transpose } from "./reshape.ts";
export { concat, select, slice, split, stack } from "./slice.ts";
export { argsort, sort, topK } from "./sort.ts";
export { logSoftmax, normalize, softmax } from "./softmax.ts";
export { scatterAdd, takeAlong } from "./take_along.ts";
export { where } from "./where.ts";
export * as random from "./random_mod.ts";
export type { Key } from "./random.ts";
export { squaredNorm } from "./squared_norm.ts";
export type {
  AxisOption,
  ClipOptions,
  CumulativeSumOptions,
  DiagonalOption,
  DynamicSliceOptions,
  DynamicStart,
  GeluOptions,
  MatmulOptions,
  PadOptions,
  ReduceOptions,
  RollOptions,
  SliceOptions,
  SortOptions,
  SplitOptions,
  TensorLike,
  VarianceOptions,
} from "../tensor/operation_options.ts";
