import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import * as attentions from "../../lib/ops/attention.ts";
import * as logProbabilities from "../../lib/ops/log_probability.ts";
import * as ops from "../../lib/ops/mod.ts";
import { reference } from "../../lib/ops/reference.ts";
import { apply, holdNodes, type Primitive } from "../../lib/ops/primitive.ts";
import * as dynamicSlices from "../../lib/ops/dynamic_slice.ts";
import * as lookUps from "../../lib/ops/embedding.ts";
import * as slices from "../../lib/ops/slice.ts";
import * as draws from "../../lib/ops/random_discrete.ts";
import * as alongs from "../../lib/ops/take_along.ts";
import * as softmaxes from "../../lib/ops/softmax.ts";
import { type DType, stateOf, type Tensor, tensor } from "../../lib/tensor/mod.ts";
import cases from "../fixtures/reference_rules.json" with { type: "json" };
import { worstError } from "../support/numbers.ts";

/** Parameters of a case, as its script names them. */
interface Params {
  readonly dtype?: DType;
  readonly shape?: readonly number[];
  readonly order?: readonly number[];
  readonly start?: readonly number[];
  readonly size?: readonly number[];
  readonly axis?: number;
  readonly count?: number;
  readonly depth?: number;
  readonly fill?: number;
  readonly epsilon?: number;
  readonly scale?: number;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  readonly causal?: boolean;
  readonly by?: number;
  readonly reverse?: boolean;
  readonly equation?: string;
  readonly descending?: boolean;
  /** Size of the axis that is scattered along. */
  readonly length?: number;
}

type Rule = (inputs: readonly Tensor[], params: Params) => Tensor;

const one = (f: (x: Tensor) => Tensor): Rule => ([x]) => f(x);
const two = (f: (a: Tensor, b: Tensor) => Tensor): Rule => ([a, b]) => f(a, b);
const { softmaxGradPrimitive, logSoftmaxGradPrimitive, normalizeGradPrimitive } = softmaxes;

/** What applies the primitives: those that are no function of their own are applied as they are. */
const RULES: Readonly<Record<string, Rule>> = {
  neg: one(ops.neg),
  abs: one(ops.abs),
  sign: one(ops.sign),
  exp: one(ops.exp),
  log: one(ops.log),
  sqrt: one(ops.sqrt),
  rsqrt: one(ops.rsqrt),
  square: one(ops.square),
  sin: one(ops.sin),
  cos: one(ops.cos),
  tanh: one(ops.tanh),
  sigmoid: one(ops.sigmoid),
  erf: one(ops.erf),
  relu: one(ops.relu),
  silu: one(ops.silu),
  gelu: one((x) => ops.gelu(x)),
  geluTanh: one((x) => ops.gelu(x, { approximate: "tanh" })),
  floor: one(ops.floor),
  ceil: one(ops.ceil),
  round: one(ops.round),
  log1p: one(ops.log1p),
  expm1: one(ops.expm1),
  isNaN: one(ops.isNaN),
  isFinite: one(ops.isFinite),
  logicalNot: one(ops.logicalNot),
  add: two(ops.add),
  sub: two(ops.sub),
  mul: two(ops.mul),
  div: two(ops.div),
  pow: two(ops.pow),
  mod: two(ops.mod),
  maximum: two(ops.maximum),
  minimum: two(ops.minimum),
  equal: two(ops.equal),
  notEqual: two(ops.notEqual),
  less: two(ops.less),
  lessEqual: two(ops.lessEqual),
  greater: two(ops.greater),
  greaterEqual: two(ops.greaterEqual),
  logicalAnd: two(ops.logicalAnd),
  logicalOr: two(ops.logicalOr),
  where: ([condition, a, b]) => ops.where(condition, a, b),
  cast: ([x], { dtype }) => ops.cast(x, dtype!),
  reshape: ([x], { shape }) => ops.reshape(x, shape!),
  transpose: ([x], { order }) => ops.transpose(x, order!),
  broadcastTo: ([x], { shape }) => ops.broadcastTo(x, shape!),
  slice: ([x], { start, size }) => ops.slice(x, { start: start!, size: size! }),
  pad: ([x], { start, shape }) => apply(slices.padPrimitive, [x], { start: start!, shape: shape! }),
  concat: (inputs, { axis }) => ops.concat(inputs, { axis }),
  arange: (_, { count }) => ops.arange(count!),
  full: (_, { shape, fill }) => ops.full(shape!, fill!),
  oneHot: ([ids], { depth }) => ops.oneHot(ids, depth!),
  sum: ([x], { axis }) => ops.sum(x, { axis }),
  mean: ([x], { axis }) => ops.mean(x, { axis }),
  max: ([x], { axis }) => ops.max(x, { axis }),
  min: ([x], { axis }) => ops.min(x, { axis }),
  prod: ([x], { axis }) => ops.prod(x, { axis }),
  variance: ([x], { axis }) => ops.variance(x, { axis }),
  logSumExp: ([x], { axis }) => ops.logSumExp(x, { axis }),
  any: ([x], { axis }) => ops.any(x, { axis }),
  all: ([x], { axis }) => ops.all(x, { axis }),
  argmin: ([x], { axis }) => ops.argmin(x, { axis }),
  cumulativeSum: ([x], { axis, reverse }) => ops.cumulativeSum(x, { axis, reverse }),
  roll: ([x], { by, axis }) => ops.roll(x, { shift: by!, axis }),
  tril: ([x], { by }) => ops.tril(x, { diagonal: by }),
  triu: ([x], { by }) => ops.triu(x, { diagonal: by }),
  tile: ([x], { shape }) => ops.tile(x, shape!),
  padWith: ([x], { order, fill }) =>
    ops.pad(x, { width: [[order![0], order![1]], [order![2], order![3]], [order![4], order![5]]], value: fill }),
  einsum: (inputs, { equation }) => ops.einsum(equation!, ...inputs),
  flip: ([x], { axis }) => ops.flip(x, { axis }),
  argmax: ([x], { axis }) => ops.argmax(x, { axis }),
  squaredNorm: (inputs) => ops.squaredNorm(inputs),
  softmax: ([x], { axis }) => ops.softmax(x, { axis }),
  logSoftmax: ([x], { axis }) => ops.logSoftmax(x, { axis }),
  normalize: ([x], { epsilon }) => ops.normalize(x, { epsilon }),
  softmaxGrad: (inputs) => apply(softmaxGradPrimitive, inputs, {}),
  logSoftmaxGrad: (inputs) => apply(logSoftmaxGradPrimitive, inputs, {}),
  normalizeGrad: (inputs, { epsilon }) => apply(normalizeGradPrimitive, inputs, { epsilon }),
  logProbability: two((logits, labels) => ops.logProbability(logits, labels)),
  logProbabilityGrad: (inputs) => apply(logProbabilities.logProbabilityGradPrimitive, inputs, { smoothing: 0 }),
  matmul: ([a, b], { transposeA, transposeB }) => ops.matmul(a, b, { transposeA, transposeB }),
  matmulSum: ([a, b, z, v, z1, v1]) => ops.matmulSum([a, b], [z, v], ...z1 ? [[z1, v1] as const] : []),
  addLowRank: ([W, left, right], { scale }) => ops.addLowRank(W, { left, right, scale: scale! }),
  embedding: two(ops.embedding),
  argsort: ([x], { axis, descending }) => ops.argsort(x, { axis, descending }),
  takeAlong: ([x, indices], { axis }) => ops.takeAlong(x, indices, { axis }),
  scatterAlong: (inputs, { axis, length }) =>
    apply(alongs.scatterAlongPrimitive, inputs, { axis: axis!, size: length! }),
  scaledWord: (inputs) => apply(draws.scaledWordPrimitive, inputs, undefined),
  dynamicSlice: (inputs, { size }) => apply(dynamicSlices.dynamicSlicePrimitive, inputs, { size: size! }),
  dynamicUpdateSlice: (inputs) => apply(dynamicSlices.dynamicUpdatePrimitive, inputs, undefined),
  scatterRows: (inputs, { shape }) => apply(lookUps.scatterRowsPrimitive, inputs, { shape: shape! }),
  attention: ([q, k, v, mask], { causal }) => attentions.fusedAttention(q, k, v, { mask, causal }).output,
  attentionGrad: ([q, k, v, cotangent, mask], { causal, by }) => {
    const { saved } = attentions.fusedAttention(q, k, v, { mask, causal });
    return attentions.fusedAttentionGrad({ q, k, v, saved, cotangent }, { mask, causal })[by!];
  },
};

/** What is checked elsewhere: integers of JAX's generator, and names for the same value. */
const ELSEWHERE = ["threefry", "unit", "mark", "stopGradient", "controlDependency", "group", "loop"];

/** Names of the primitives that a value is made of. */
function primitivesOf(value: Tensor): string[] {
  const state = stateOf(value);
  return state.kind === "node" ? [state.operation.name, ...state.inputs.flatMap(primitivesOf)] : [];
}

/** Every primitive that a module of operations exports. */
async function allPrimitives(): Promise<string[]> {
  const folder = new URL("../../lib/ops/", import.meta.url);
  const modules = await Promise.all(
    [...Deno.readDirSync(folder)].map(({ name }) => import(new URL(name, folder).href)),
  );
  const isPrimitive = (value: unknown): value is Primitive =>
    typeof value === "object" && value !== null && "lowering" in value && "infer" in value;
  return modules.flatMap((module) => Object.values(module).filter(isPrimitive).map(({ name }) => name));
}

describe("reference rules", () => {
  const covered = new Set<string>();
  const names = [...new Set(cases.map(({ name }) => name))];
  for (const name of names) {
    it(`${name} is what NumPy or PyTorch gives in float64`, () => {
      for (const { inputs, params, shape, data } of cases.filter((one) => one.name === name)) {
        holdNodes(() => {
          const tensors = inputs.map(({ shape, dtype, data }) => tensor(data, { shape, dtype: dtype as DType }));
          const result = RULES[name](tensors, params as Params);
          for (const primitive of primitivesOf(result)) covered.add(primitive);
          const got = reference(result);
          expect(got.shape).toEqual(shape);
          // As many digits as float64 keeps of sums and series of this length.
          expect(worstError(got.data, data)).toBeLessThan(1e-13);
        });
      }
    });
  }

  it("are held for every primitive", async () => {
    const missing = (await allPrimitives()).filter((name) => !covered.has(name) && !ELSEWHERE.includes(name));
    expect(missing).toEqual([]);
  });
});
