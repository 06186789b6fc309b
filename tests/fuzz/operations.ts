import type { DType, Tensor } from "../../lib/tensor/mod.ts";
import { sameShape, sizeOf } from "../../lib/tensor/shape.ts";
import type { Draft } from "./draft.ts";
import { call, type Drawing, idsOf, keyOf, matrixOf, rankOf } from "./drawing.ts";
import { LAYERS } from "./layers.ts";
import type { PlainArg, ProgramNode } from "./program.ts";

const NUMERIC: readonly DType[] = ["f32", "f32", "f32", "i32", "u32"];
const SIGNED: readonly DType[] = ["f32", "f32", "f32", "i32"];
const NOT_HALF: readonly DType[] = ["f32", "f32", "f32", "i32", "u32", "bool"];
const ANY: readonly DType[] = ["f32", "f32", "f32", "f32", "i32", "u32", "bool", "f16"];

/** A function of one tensor. */
const unary = (dtypes: readonly DType[] = ["f32"]): Drawing => (draft) =>
  call(draft.value({ dtypes: [draft.one(dtypes)] }));

/** A function of two operands that stretch to each other, one of which may be a number. */
const binary = (dtypes: readonly DType[]): Drawing => (draft) => {
  const a = draft.value({ dtypes: [draft.one(dtypes)] });
  const operands = [a, draft.partner(a)];
  return call(...draft.chance(0.3) ? operands.reverse() : operands);
};

/** Axes as reductions take them. */
function axesOf(draft: Draft, rank: number): PlainArg {
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  const named = draft.some(axes).map((axis) => draft.chance(0.3) ? axis - rank : axis);
  return draft.chance(0.4) && rank > 0 ? draft.between(-rank, rank - 1) : draft.shuffled(named);
}

const reduction = (dtypes: readonly DType[], allowsEmpty: boolean): Drawing => (draft) => {
  const where = ({ shape }: Tensor) => allowsEmpty || !shape.includes(0);
  const x = draft.value(
    { dtypes: [draft.one(dtypes)], where },
    () => draft.shape().map((size) => allowsEmpty ? size : size || 1),
  );
  if (draft.chance(0.2)) return call(x);
  return call(x, { axis: axesOf(draft, draft.tensor(x).rank), keepDims: draft.chance(0.5) });
};

/** A function along one axis, which is there. */
const alongAxis = (least: number): Drawing => (draft) => {
  const x = draft.value(
    { dtypes: ["f32"], where: ({ rank, shape }) => rank > 0 && shape.every((n) => n >= least) },
    () => [
      ...draft.shape(draft.between(0, 3)).map((n) => Math.max(n, least)),
      draft.between(1, 70),
    ],
  );
  const { rank } = draft.tensor(x);
  return draft.chance(0.4) ? call(x) : call(x, { axis: draft.between(-rank, rank - 1) });
};

const matrix = (dtypes: readonly DType[] = ["f32"]) => ({ dtypes, where: ({ rank }: Tensor) => rank === 2 });
const matrixShape = (draft: Draft) => () => draft.shape(2);

const triangle: Drawing = (draft) => {
  const x = draft.value({ dtypes: [draft.one(NOT_HALF)], where: rankOf(2) }, () => draft.shape(draft.between(2, 3)));
  return draft.chance(0.4) ? call(x) : call(x, { diagonal: draft.between(-9, 9) });
};

/** Sizes whose product is `size`, in some number of axes. */
function factors(draft: Draft, size: number): number[] {
  const shape: number[] = [];
  let rest = size;
  for (let axis = draft.between(1, 4); axis > 1; axis--) {
    const divisors = Array.from({ length: Math.min(rest, 64) }, (_, i) => i + 1).filter((n) => rest % n === 0);
    const factor = rest === 0 ? draft.between(0, 3) : draft.one(divisors);
    shape.push(factor);
    rest = rest === 0 ? 0 : rest / factor;
  }
  return draft.shuffled([...shape, rest]);
}

/** A sort along an axis. */
const sorted: Drawing = (draft) => {
  const x = draft.value({ dtypes: [draft.one(NUMERIC)], where: rankOf(1) }, () => [draft.between(1, 70)]);
  const { rank } = draft.tensor(x);
  return draft.chance(0.3) ? call(x) : call(x, { axis: draft.between(-rank, rank - 1), descending: draft.chance(0.5) });
};

/** Where a box begins, as numbers, scalars or one tensor, inside or not. */
function placesOf(draft: Draft, shape: readonly number[]): PlainArg {
  const element = () => draft.between(-9, 9);
  if (draft.chance(0.4)) return draft.leaf("i32", [shape.length], { element });
  return shape.map((n) => draft.chance(0.5) ? draft.between(-n, n) : draft.leaf("i32", [], { element }));
}

const creation: Drawing = (draft) =>
  draft.chance(0.6) ? call(draft.shape()) : call(draft.shape(), { dtype: draft.one(["f32", "i32", "u32", "bool"]) });

/** Functions beside the operations that are none, with what they do. */
export const NO_OPERATIONS: Readonly<Record<string, string>> = {
  "nn.tensorOf": "looks a parameter up by its name",
};

/** What is drawn for each operation that `lib/ops/mod.ts`, `lib/nn/mod.ts` and `lib/linalg/mod.ts` export. */
export const DRAWINGS: Readonly<Record<string, Drawing>> = {
  add: binary(NUMERIC),
  sub: binary(NUMERIC),
  mul: binary(NUMERIC),
  div: binary(["f32"]),
  pow: binary(["f32"]),
  maximum: binary(NUMERIC),
  minimum: binary(NUMERIC),
  mod: binary(NUMERIC),
  clip: (draft) => {
    const x = draft.value({ dtypes: [draft.one(NUMERIC)] });
    const bounds = draft.one([["min"], ["max"], ["min", "max"]]);
    return call(x, Object.fromEntries(bounds.map((bound) => [bound, draft.partner(x)])));
  },
  floor: unary(NUMERIC),
  ceil: unary(NUMERIC),
  round: unary(NUMERIC),
  log1p: unary(),
  expm1: unary(),
  neg: unary(SIGNED),
  abs: unary(SIGNED),
  sign: unary(SIGNED),
  erf: unary(),
  gelu: (draft) => {
    const x = draft.value({ dtypes: ["f32"] });
    return draft.chance(0.5) ? call(x) : call(x, { approximate: draft.one(["tanh", "none"]) });
  },
  relu: unary(),
  silu: unary(),
  cos: unary(),
  exp: unary(),
  log: unary(),
  rsqrt: unary(),
  sigmoid: unary(),
  sin: unary(),
  sqrt: unary(),
  square: unary(),
  tanh: unary(),
  equal: binary([...NUMERIC, "bool"]),
  notEqual: binary([...NUMERIC, "bool"]),
  less: binary(NUMERIC),
  lessEqual: binary(NUMERIC),
  greater: binary(NUMERIC),
  greaterEqual: binary(NUMERIC),
  isFinite: unary(ANY),
  isNaN: unary(ANY),
  logicalAnd: binary(["bool"]),
  logicalOr: binary(["bool"]),
  logicalNot: unary(["bool"]),
  where: (draft) => {
    const a = draft.value({ dtypes: [draft.one(NUMERIC)] });
    const { shape } = draft.tensor(a);
    const condition = draft.value(
      { dtypes: ["bool"], where: (other) => other.rank <= shape.length && stretches(other.shape, shape) },
      () => draft.stretchable(shape),
    );
    const operands = [a, draft.partner(a)];
    return call(condition, ...draft.chance(0.5) ? operands.reverse() : operands);
  },
  cast: (draft) =>
    call(draft.value({ dtypes: [draft.one(ANY)] }), draft.one(["f32", "f32", "i32", "u32", "bool", "f16"])),
  copy: (draft) =>
    call(draft.value({ dtypes: [draft.one(ANY)] }), ...draft.chance(0.5) ? [] : [{ dtype: draft.one(["f32", "i32"]) }]),
  stopGradient: unary(["f32"]),
  controlDependency: (draft) => call(draft.value({ dtypes: ["f32", "i32"] }), draft.value()),
  zerosLike: unary(["f32", "i32", "bool"]),
  onesLike: unary(["f32", "u32"]),
  full: (draft) => {
    const dtype = draft.one(["f32", "f32", "i32", "u32", "bool"] as const);
    return call(draft.shape(), draft.number(dtype), ...dtype === "f32" && draft.chance(0.5) ? [] : [{ dtype }]);
  },
  zeros: creation,
  ones: creation,
  arange: (draft) =>
    call(draft.between(0, 300), ...draft.chance(0.5) ? [] : [{ dtype: draft.one(["f32", "i32", "u32"]) }]),
  oneHot: (draft) => {
    const fits = ({ size, rank }: Tensor) => size < 300 && rank < 4;
    return call(draft.value({ dtypes: ["i32", "u32"], where: fits }, () => [draft.size() % 100]), draft.between(1, 9));
  },
  argmax: alongAxis(1),
  argmin: alongAxis(1),
  argsort: sorted,
  sort: sorted,
  topK: (draft) => {
    const x = draft.value({ dtypes: [draft.one(NUMERIC)], where: rankOf(1) }, () => [draft.between(1, 70)]);
    const { shape } = draft.tensor(x);
    const axis = draft.between(0, shape.length - 1);
    const k = draft.between(0, Math.min(shape[axis], 9));
    return { args: [x, k, { axis: draft.chance(0.5) ? axis : axis - shape.length }], part: draft.numbers.below(2) };
  },
  takeAlong: (draft) => {
    const x = draft.value({ dtypes: [draft.one(NUMERIC)], where: rankOf(1) }, () => [draft.between(1, 70)]);
    const { shape } = draft.tensor(x);
    const axis = draft.between(0, shape.length - 1);
    const taken = shape.map((n, a) => a === axis ? draft.between(0, 9) : draft.one([1, n]));
    return call(x, idsOf(draft, taken, shape[axis]), { axis });
  },
  scatterAdd: (draft) => {
    const x = draft.value({ dtypes: [draft.one(NUMERIC)], where: rankOf(1) }, () => [draft.between(1, 70)]);
    const { shape, dtype } = draft.tensor(x);
    const axis = draft.between(0, shape.length - 1);
    const count = draft.one([draft.between(0, 9), 70]);
    const placed = shape.map((n, a) => a === axis ? (n * count > 4000 ? 1 : count) : n);
    return call(x, idsOf(draft, placed, shape[axis] + 1), draft.leaf(dtype, placed), { axis });
  },
  dynamicSlice: (draft) => {
    const x = draft.value({ dtypes: [draft.one(NUMERIC)], where: rankOf(1) }, () => draft.shape(draft.between(1, 4)));
    const { shape } = draft.tensor(x);
    return call(x, { start: placesOf(draft, shape), size: shape.map((n) => draft.between(Math.min(n, 1), n)) });
  },
  dynamicUpdateSlice: (draft) => {
    const x = draft.value({ dtypes: [draft.one(NUMERIC)], where: rankOf(1) }, () => draft.shape(draft.between(1, 4)));
    const { shape, dtype } = draft.tensor(x);
    const box = shape.map((n) => draft.between(Math.min(n, 1), n));
    const fits = (other: Tensor) => other.rank === box.length && other.shape.every((n, a) => n <= shape[a]);
    return call(x, draft.value({ dtypes: [dtype], where: fits }, () => box), { start: placesOf(draft, shape) });
  },
  broadcastTo: (draft) => {
    const x = draft.value({ dtypes: [draft.one(ANY)], where: ({ size, rank }) => size <= 600 && rank < 5 });
    const { shape } = draft.tensor(x);
    const wide = shape.map((size) => size === 1 ? draft.one([1, draft.size() % 65]) : size);
    const front = draft.shape(draft.between(0, 5 - wide.length)).map((size) => size % 6);
    return call(x, [...front, ...wide]);
  },
  reshape: (draft) => {
    const x = draft.value({ dtypes: [draft.one(ANY)] });
    const shape = draft.tensor(x).size === 1 && draft.chance(0.3) ? [] : factors(draft, draft.tensor(x).size);
    const free = draft.numbers.below(shape.length || 1);
    const canInfer = shape.length > 0 && shape.every((size) => size > 0) && draft.chance(0.3);
    return call(x, shape.map((size, axis) => canInfer && axis === free ? -1 : size));
  },
  transpose: (draft) => {
    const x = draft.value({ dtypes: [draft.one(ANY)], where: rankOf(1) }, () => draft.shape(draft.between(1, 5)));
    const axes = [...draft.tensor(x).shape.keys()];
    return draft.chance(0.2)
      ? call(x)
      : call(x, draft.shuffled(axes).map((axis) => draft.chance(0.2) ? axis - axes.length : axis));
  },
  expandDims: (draft) => {
    const x = draft.value({ dtypes: [draft.one(ANY)], where: ({ rank }) => rank < 5 });
    const rank = draft.tensor(x).rank + 1;
    return call(x, draft.between(-rank, rank - 1));
  },
  squeeze: (draft) => {
    const x = draft.value(
      { dtypes: [draft.one(ANY)], where: ({ shape }) => shape.includes(1) },
      () => [...draft.shape(2), 1],
    );
    const ones = draft.tensor(x).shape.flatMap((size, axis) => size === 1 ? [axis] : []);
    return draft.chance(0.5) ? call(x) : call(x, draft.chance(0.5) ? draft.one(ones) : draft.some(ones));
  },
  slice: (draft) => {
    const x = draft.value({ dtypes: [draft.one(ANY)], where: rankOf(1) }, () => draft.shape(draft.between(1, 4)));
    const { shape } = draft.tensor(x);
    const start = shape.map((size) => draft.between(0, Math.min(size, 9)));
    const size = shape.map((extent, axis) => {
      const rest = extent - start[axis];
      if (draft.chance(0.2)) return -1;
      return draft.chance(0.05) ? 0 : Math.min(rest, draft.between(Math.min(1, rest), rest));
    });
    return call(x, { start, size });
  },
  select: (draft) => {
    const x = draft.value(
      { dtypes: [draft.one(ANY)], where: ({ rank, shape }) => rank > 0 && !shape.includes(0) },
      () => [
        draft.size() || 2,
        draft.size() || 3,
      ],
    );
    const { rank, shape } = draft.tensor(x);
    const axis = draft.between(0, rank - 1);
    return call(x, {
      axis: draft.chance(0.3) ? axis - rank : axis,
      index: draft.between(-shape[axis], shape[axis] - 1),
    });
  },
  split: (draft) => {
    const x = draft.value({ dtypes: [draft.one(ANY)], where: rankOf(1) }, () => draft.shape(draft.between(1, 4)));
    const { rank, shape } = draft.tensor(x);
    const axis = draft.between(0, rank - 1);
    const divisors = [1, 2, 3, 4].filter((count) => shape[axis] % count === 0);
    const cut = draft.between(0, shape[axis]);
    const sections = draft.chance(0.5) ? draft.one(divisors) : draft.shuffled([cut, shape[axis] - cut]);
    const part = draft.numbers.below(typeof sections === "number" ? sections : 2);
    return { args: [x, { sections, axis: draft.chance(0.5) ? axis : axis - rank }], part };
  },
  concat: (draft) => joined(draft, false),
  stack: (draft) => joined(draft, true),
  sum: reduction([...NUMERIC, "bool"], true),
  mean: reduction(["f32", "f32", "i32", "bool"], true),
  max: reduction([...NUMERIC, "bool"], false),
  min: reduction([...NUMERIC, "bool"], false),
  squaredNorm: (draft) => call(Array.from({ length: draft.between(1, 9) }, () => draft.value({ dtypes: ["f32"] }))),
  prod: reduction(["f32", "f32", "i32", "bool"], true),
  variance: (draft) => {
    const drawn = reduction(["f32", "f32", "i32", "bool"], true)(draft);
    const [x, options = {}] = drawn?.args ?? [];
    return draft.chance(0.5) ? drawn : call(x, { ...options as object, correction: draft.between(0, 2) });
  },
  logSumExp: reduction(["f32"], true),
  any: reduction(ANY, true),
  all: reduction(ANY, true),
  cumulativeSum: (draft) => {
    const x = draft.value(
      { dtypes: [draft.one([...NUMERIC, "bool"])], where: rankOf(1) },
      () => draft.shape(draft.between(1, 3)),
    );
    const { rank } = draft.tensor(x);
    return draft.chance(0.3) ? call(x) : call(x, { axis: draft.between(-rank, rank - 1), reverse: draft.chance(0.5) });
  },
  tril: triangle,
  triu: triangle,
  roll: (draft) => {
    const x = draft.value({ dtypes: [draft.one(NOT_HALF)] });
    const axes = [...draft.tensor(x).shape.keys()];
    const axis = draft.some(axes).map((one) => draft.chance(0.3) ? one - axes.length : one);
    if (axis.length === 0 || draft.chance(0.3)) return call(x, { shift: draft.between(-70, 70) });
    const shift = draft.chance(0.5) ? draft.between(-9, 9) : axis.map(() => draft.between(-70, 70));
    return call(x, { shift, axis });
  },
  tile: (draft) => {
    const x = draft.value({ dtypes: [draft.one(ANY)], where: ({ size, rank }) => size <= 600 && rank < 5 });
    return call(x, draft.chance(0.3) ? draft.between(0, 3) : draft.tensor(x).shape.map(() => draft.between(1, 3)));
  },
  pad: (draft) => {
    const x = draft.value({ dtypes: [draft.one(NOT_HALF)], where: ({ size }) => size <= 600 });
    const { shape, dtype } = draft.tensor(x);
    const width = draft.chance(0.3)
      ? draft.between(0, 2)
      : shape.map(() => draft.chance(0.4) ? draft.between(0, 2) : [draft.between(0, 2), draft.between(0, 2)]);
    return call(x, { width, ...draft.chance(0.5) ? {} : { value: draft.number(dtype) } });
  },
  einsum: (draft) => {
    const equation = draft.one([
      ...["ij,jk->ik", "bij,bkj->bik", "...i,ij->...j", "ij,ij->", "ij,ij->j", "i,j->ij", "iij->j"],
      ...["ij->ji", "ijk->kj", "ij,jk,k->i"],
    ]);
    const sizes = new Map([..."bijk"].map((letter) => [letter, draft.size() % 20]));
    const operands = equation.split("->")[0].split(",").map((term) => {
      const open = term.startsWith("...") ? draft.shape(draft.between(0, 2)).map((n) => n % 5) : [];
      const shape = [...open, ...[...term.replace("...", "")].map((letter) => sizes.get(letter)!)];
      return draft.value({ dtypes: ["f32"], where: (other) => sameShape(other.shape, shape) }, () => shape);
    });
    return call(equation, ...operands);
  },
  flip: (draft) => {
    const x = draft.value({ dtypes: [draft.one(ANY)] });
    return draft.chance(0.3) ? call(x) : call(x, { axis: axesOf(draft, draft.tensor(x).rank) });
  },
  softmax: alongAxis(0),
  logSoftmax: alongAxis(0),
  normalize: (draft) => {
    const x = draft.value({ dtypes: ["f32"], where: rankOf(1) }, () => [draft.size() % 9, draft.between(1, 300)]);
    return draft.chance(0.5) ? call(x) : call(x, { epsilon: draft.one([1e-5, 1e-2, 1]) });
  },
  logProbability: (draft) => {
    const logits = draft.value(matrix(), () => [draft.size() % 40, draft.between(1, 80)]);
    const [rows, n] = draft.tensor(logits).shape;
    if (n === 0) return undefined;
    const labels = idsOf(draft, [rows], n);
    return draft.chance(0.7) ? call(logits, labels) : call(logits, labels, { smoothing: draft.one([0.1, 0.5, 1]) });
  },
  embedding: (draft) => {
    const table = draft.value(matrix(["f32", "f32", "f16"]), matrixShape(draft));
    const [rows, columns] = draft.tensor(table).shape;
    if (rows === 0) return undefined;
    return call(
      table,
      idsOf(
        draft,
        draft.chance(0.5) ? [draft.between(0, 9)] : draft.shape(2).map((n) => n % (columns > 64 ? 4 : 9)),
        rows,
      ),
    );
  },
  matmul: (draft) => {
    // Now and then a sum of nothing.
    const a = draft.chance(0.05) ? draft.leaf("f32", [draft.between(1, 5), 0]) : draft.value(
      { dtypes: ["f32"], where: ({ rank, size }) => rank >= 2 && size <= 3000 },
      () => draft.shape(draft.between(2, 3)),
    );
    const { shape } = draft.tensor(a);
    const [transposeA, transposeB] = [draft.chance(0.3), draft.chance(0.4)];
    const inner = transposeA ? shape[shape.length - 2] : shape[shape.length - 1];
    const columns = draft.size() % 130;
    const fits = (other: Tensor) =>
      other.rank >= 2 && other.shape[other.rank - (transposeB ? 1 : 2)] === inner &&
      other.shape.slice(0, -2).reverse().every((n, i) => n === 1 || n === shape[shape.length - 3 - i]);
    const batch = draft.chance(0.5) ? [] : draft.stretchable(shape.slice(0, -2));
    const b = draft.value({ dtypes: draft.chance(0.15) ? ["f16"] : ["f32"], where: fits }, () => [
      ...batch,
      ...transposeB ? [columns, inner] : [inner, columns],
    ]);
    return call(a, b, ...transposeA || transposeB || draft.chance(0.3) ? [{ transposeA, transposeB }] : []);
  },
  matmulSum: (draft) => {
    const a = draft.value(matrix(), matrixShape(draft));
    const [m, k] = draft.tensor(a).shape;
    const n = draft.size() % 130;
    const b = matrixOf(draft, k, n, draft.chance(0.2) ? ["f16"] : ["f32"]);
    const pairs = Array.from({ length: draft.between(1, 2) }, () => draft.between(1, 5))
      .map((r) => [matrixOf(draft, m, r), matrixOf(draft, r, n)]);
    return call([a, b], ...pairs);
  },
  addLowRank: (draft) => {
    const w = draft.value(matrix(), matrixShape(draft));
    const [m, n] = draft.tensor(w).shape;
    const ranks = Array.from({ length: draft.between(1, 2) }, () => draft.between(1, 5));
    const lefts = ranks.map((r) => matrixOf(draft, m, r));
    const rights = ranks.map((r) => matrixOf(draft, r, n));
    const scale = draft.chance(0.5)
      ? draft.number()
      : draft.value({ dtypes: ["f32"], where: ({ size }) => size === 1 }, () => []);
    const isOne = ranks.length === 1 && draft.chance(0.5);
    return call(w, { left: isOne ? lefts[0] : lefts, right: isOne ? rights[0] : rights, scale });
  },
  "random.key": (draft) => call(draft.numbers.below(2 ** 31)),
  "random.split": (draft) => {
    const count = draft.between(1, 4);
    return { args: [keyOf(draft), count], part: draft.numbers.below(count) };
  },
  "random.foldIn": (draft) => {
    const counter = draft.pick({ dtypes: ["i32", "u32"], where: ({ size }) => size === 1 });
    return call(keyOf(draft), counter !== undefined && draft.chance(0.5) ? counter : draft.between(0, 9));
  },
  "random.foldInEach": (draft) => {
    const count = draft.between(1, 4);
    return { args: [keyOf(draft), count], part: draft.numbers.below(count) };
  },
  "random.integers": (draft) =>
    call(
      keyOf(draft),
      draft.shape(),
      draft.one<PlainArg>([{ max: 10 }, { min: -3, max: 4 }, { min: -(2 ** 31), max: 2 ** 31 }]),
    ),
  "random.categorical": (draft) => {
    const where = ({ rank, shape }: Tensor) => rank > 0 && !shape.includes(0);
    const x = draft.value({ dtypes: ["f32"], where }, () => [draft.between(1, 5), draft.between(1, 9)]);
    return call(keyOf(draft), x, { axis: draft.between(0, draft.tensor(x).rank - 1) });
  },
  "random.permutation": (draft) => {
    if (draft.chance(0.3)) return call(keyOf(draft), draft.between(0, 100));
    const x = draft.value({ dtypes: [draft.one(NUMERIC)], where: rankOf(1) }, () => [draft.between(1, 70)]);
    return call(keyOf(draft), x, { axis: draft.between(0, draft.tensor(x).rank - 1) });
  },
  "random.uniform": (draft) => call(keyOf(draft), draft.shape(), ...draft.chance(0.5) ? [] : [{ min: -1, max: 2 }]),
  "random.normal": (draft) => call(keyOf(draft), draft.shape(), ...draft.chance(0.5) ? [] : [{ mean: 1, std: 0.5 }]),
  "random.bernoulli": (draft) => call(keyOf(draft), draft.one([0, 0.1, 0.5, 1]), draft.shape()),
  ...LAYERS,
};

function stretches(from: readonly number[], to: readonly number[]): boolean {
  return from.every((size, axis) => size === 1 || size === to[to.length - from.length + axis]);
}

function joined(draft: Draft, isStacked: boolean): Omit<ProgramNode, "op"> {
  const small = ({ rank, size }: Tensor) => size <= 1500 && (isStacked ? rank < 5 : rank > 0);
  const first = draft.value(
    { dtypes: [draft.one(["f32", "f32", "i32", "bool"] as const)], where: small },
    () => [draft.size() % 40, 3],
  );
  const { shape, dtype } = draft.tensor(first);
  const rank = shape.length + (isStacked ? 1 : 0);
  const axis = draft.between(0, rank - 1);
  const fits = (other: Tensor) =>
    other.rank === shape.length &&
    other.shape.every((n, a) => n === shape[a] || (!isStacked && a === axis && sizeOf(other.shape) < 1500));
  const others = Array.from(
    { length: draft.between(0, 3) },
    () =>
      draft.value(
        { dtypes: [dtype], where: fits },
        () => shape.map((n, a) => !isStacked && a === axis ? draft.size() % 9 : n),
      ),
  );
  return call(
    draft.shuffled([first, ...others]),
    ...axis === 0 && draft.chance(0.5) ? [] : [{ axis: draft.chance(0.3) ? axis - rank : axis }],
  );
}
