import { installOperations } from "../tensor/operations.ts";
import { erf, gelu, relu, silu } from "./activation.ts";
import { argmax } from "./argmax.ts";
import { abs, add, div, maximum, minimum, mul, neg, sign, square, sub } from "./arithmetic.ts";
import { broadcastTo } from "./broadcast.ts";
import { cast } from "./cast.ts";
import {
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
import { stopGradient } from "./identity.ts";
import { copy } from "./copy.ts";
import { cos, exp, log, rsqrt, sigmoid, sin, sqrt, tanh } from "./exponential.ts";
import { matmul } from "./matmul.ts";
import { pow } from "./power.ts";
import { max, mean, min, sum } from "./reduce.ts";
import { expandDims, reshape, squeeze, transpose } from "./reshape.ts";
import { select, slice, split } from "./slice.ts";
import { logSoftmax, normalize, softmax } from "./softmax.ts";

// Loading this file gives tensors their methods: lib/tensor knows how they are called, and nothing of what they do.
installOperations({
  add,
  sub,
  mul,
  div,
  pow,
  maximum,
  minimum,
  neg,
  abs,
  sign,
  square,
  sqrt,
  rsqrt,
  exp,
  log,
  sin,
  cos,
  tanh,
  sigmoid,
  erf,
  relu,
  gelu,
  silu,
  equal,
  notEqual,
  less,
  lessEqual,
  greater,
  greaterEqual,
  logicalAnd,
  logicalOr,
  logicalNot,
  isNaN,
  isFinite,
  sum,
  mean,
  max,
  min,
  argmax,
  softmax,
  logSoftmax,
  normalize,
  matmul,
  reshape,
  transpose,
  expandDims,
  squeeze,
  broadcastTo,
  slice,
  split,
  stopGradient,
  copy,
  astype: cast,
  at: (x, index, { axis = 0 } = {}) => select(x, { axis, index }),
});
