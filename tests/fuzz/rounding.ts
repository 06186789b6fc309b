import type { ReferenceArray } from "../../lib/ops/primitive.ts";

/** Half the distance of 1 to the next number of f32: what one rounding changes at most, relatively. */
export const UNIT = 2 ** -24;
/** The least normal number of f32: what is smaller, devices may take for 0. */
export const LEAST_NORMAL = 2 ** -126;
/** From here on a number is infinite in f32. */
const OVERFLOW = 2 ** 128 * (1 - 2 ** -25);

/** How far an element of a result may lie off its exact value, whatever rounding the inputs had. */
export type ErrorBound = (value: number, position: number) => number;

/** The bound of an operation, on given inputs. */
type Bound = (...inputs: readonly ReferenceArray[]) => ErrorBound;

const relative = (units: number): Bound => () => (value) => units * UNIT * Math.abs(value);

/** Largest magnitude among elements. */
function largest({ data }: ReferenceArray): number {
  let top = 0;
  for (const x of data) if (Number.isFinite(x)) top = Math.max(top, Math.abs(x));
  return top;
}

/** Operations that are computed without any rounding. */
const EXACT = new Set([
  ...[
    "neg",
    "abs",
    "sign",
    "maximum",
    "minimum",
    "relu",
    "where",
    "max",
    "min",
    "argmax",
    "argmin",
    "cast",
    "widen",
    "packHalf",
  ],
  ...[
    "reshape",
    "transpose",
    "flip",
    "broadcastTo",
    "slice",
    "pad",
    "concat",
    "mark",
    "stopGradient",
    "controlDependency",
    "group",
  ],
  ...["equal", "notEqual", "less", "lessEqual", "greater", "greaterEqual", "logicalAnd", "logicalOr", "logicalNot"],
  ...["arange", "constant", "threefry", "unit", "embedding", "isNaN", "isFinite"],
  ...["argsort", "scaledWord", "takeAlong", "dynamicSlice", "dynamicUpdateSlice"],
  ...["floor", "ceil", "round"],
]);

/** Operations whose result is the number of f32 nearest to the exact one, or, joined with others, one beside it. */
const ROUNDED = new Set(["add", "sub", "mul", "square", "mod"]);

/** What WGSL promises of functions, and what the library's own keep. */
const BOUNDS: Readonly<Record<string, Bound>> = {
  div: relative(8),
  sqrt: relative(8),
  rsqrt: relative(8),
  exp: ({ data }) => (value, i) => (8 + 4 * Math.abs(data[i])) * UNIT * Math.abs(value),
  log: () => (value) => 8 * UNIT * Math.abs(value) + 2 ** -21,
  log1p: () => (value) => 16 * UNIT * Math.abs(value) + (Math.abs(value) > 0.3 ? 2 ** -21 : 0),
  expm1: ({ data }) => (value, i) =>
    (16 + 4 * Math.abs(data[i])) * UNIT * (Math.abs(data[i]) < 1 ? Math.abs(value) : Math.abs(value) + 1),
  pow: (base, exponent) => (value, i) => {
    const [x, y] = [Math.abs(base.data[i]), Math.abs(exponent.data[i])];
    const turned = x > 0 ? Math.abs(y * Math.log(x)) : 0;
    return (32 + 16 * y + 8 * turned) * UNIT * Math.abs(value);
  },
  // Within [−π, π]; beyond, the argument is reduced, which costs as much more as it is larger.
  sin: ({ data }) => (_, i) => Math.max(1, Math.abs(data[i]) / 8) * 2 ** -11,
  cos: ({ data }) => (_, i) => Math.max(1, Math.abs(data[i]) / 8) * 2 ** -11,
  prod: (x) => ofProduct(x),
  tanh: () => (value) => 16 * UNIT + 16 * UNIT * Math.abs(value),
  sigmoid: ({ data }) => (value, i) => (16 + 4 * Math.abs(data[i])) * UNIT * Math.abs(value),
  // x·sigmoid(x), whose factor may be taken for 0 where it is no normal number.
  silu: ({ data }) => (value, i) =>
    (16 + 4 * Math.abs(data[i])) * UNIT * Math.abs(value) + LEAST_NORMAL * Math.abs(data[i]),
  erf: () => () => 4e-7,
  gelu: ({ data }) => (_, i) => 4e-7 * Math.abs(data[i]),
  geluTanh: ({ data }) => (_, i) => 32 * UNIT * Math.abs(data[i]),
  // The power of which it is a share lies so far below 0 as its logarithm.
  softmax: () => (value) => value > 0 ? (32 - 4 * Math.log(value)) * UNIT * value : 0,
  logSoftmax: (x) => ofLogarithm(x),
  logProbability: (x) => ofLogarithm(x),
};

function ofLogarithm(x: ReferenceArray): ErrorBound {
  const top = largest(x);
  return (value) => 16 * UNIT * (1 + top + Math.abs(value));
}

/** Of a product over axes: partial products that leave f32 may make anything of it. */
function ofProduct({ data }: ReferenceArray): ErrorBound {
  const growth = data.reduce((sum, x) => Number.isFinite(x) && Math.abs(x) > 4 ? sum + Math.log2(Math.abs(x)) : sum, 0);
  const own = growth < 126 ? 4 * LEAST_NORMAL : Infinity;
  return (value) => data.length * UNIT * Math.abs(value) + own;
}

/**
 * Of the derivative by normalize(x), whose terms may cancel where x alone, however it is rounded, does not say so: of two
 * elements one is always as far above their mean as the other lies below it.
 */
function ofNormalizeGrad([x, d]: readonly ReferenceArray[], epsilon: number): ErrorBound {
  const n = x.shape[x.shape.length - 1];
  const terms = new Float64Array(x.data.length);
  for (let row = 0; row < x.data.length; row += n) {
    const [values, derivatives] = [x.data.subarray(row, row + n), d.data.subarray(row, row + n)];
    const center = values.reduce((sum, value) => sum + value / n, 0);
    const scale = 1 / Math.sqrt(values.reduce((sum, value) => sum + (value - center) ** 2 / n, epsilon));
    const normal = values.map((value) => Math.abs(value - center) * scale);
    const mean = derivatives.reduce((sum, value) => sum + Math.abs(value) / n, 0);
    const along = derivatives.reduce((sum, value, i) => sum + Math.abs(value) * normal[i] / n, 0);
    for (let i = 0; i < n; i++) terms[row + i] = (Math.abs(derivatives[i]) + mean + normal[i] * along) * scale;
  }
  return (_, i) => (8 + Math.log2(n)) * UNIT * terms[i];
}

/** Operations that sum: what they do to their inputs on the way is as if each had been rounded. */
const SUMMING = new Set([
  "cumulativeSum",
  ...[
    "sum",
    "matmul",
    "matmulSum",
    "addLowRank",
    "squaredNorm",
    "scatterRows",
    "scatterAlong",
    "normalize",
    "normalizeGrad",
  ],
  ...["softmax", "softmaxGrad", "logSoftmax", "logSoftmaxGrad", "logProbability", "logProbabilityGrad"],
  ...["attention", "attentionGrad"],
  ...["qr", "jacobi", "solveUpper"],
]);

/** Operations that factorize matrices: they are off as if the largest elements had been rounded. */
const FACTORIZATIONS = new Set(["qr", "jacobi"]);

/** Whether an operation factorizes matrices. */
export function isFactorization(name: string): boolean {
  return FACTORIZATIONS.has(name);
}

/** Whether an operation computes intermediate results of other magnitudes than its inputs and its result have. */
export function isComposite(name: string): boolean {
  return SUMMING.has(name);
}

/** Operations that only multiply and add: whole numbers stay whole in any order. */
const WHOLE = new Set([
  "sum",
  "cumulativeSum",
  "matmul",
  "matmulSum",
  "addLowRank",
  "squaredNorm",
  "scatterRows",
  "scatterAlong",
]);

/** Whether an operation's bound does not say what rounding on its way does: then that counts as rounding of its inputs. */
export function roundsInside(name: string): boolean {
  return SUMMING.has(name) && !(name in BOUNDS);
}

/** Whether an operation makes exact whole numbers of whole numbers. */
export function keepsWhole(name: string): boolean {
  return WHOLE.has(name);
}

/** Whether an operation rounds at all. */
export function isExact(name: string): boolean {
  return EXACT.has(name);
}

/** Whether an operation keeps the sign of zero: sums and products may lose it, and of equal elements any may be the largest. */
export function keepsZeroSign(name: string): boolean {
  return EXACT.has(name) && name !== "max" && name !== "min";
}

/** The bound of an operation's own error; `undefined` where its result is one of the two nearest numbers. */
export function boundOf(name: string, inputs: readonly ReferenceArray[], params: unknown): ErrorBound | undefined {
  if (name === "normalizeGrad") return ofNormalizeGrad(inputs, (params as { epsilon?: number }).epsilon ?? 0);
  if (ROUNDED.has(name) || name === "sum") return undefined;
  return (BOUNDS[name] ?? relative(16))(...inputs);
}

/** A number as f32 has it, but for its fraction: infinite where f32 is. */
export function overflow(value: number): number {
  return Math.abs(value) >= OVERFLOW ? Math.sign(value) * Infinity : value;
}

/** The two numbers of f32 around a number, which are one where f32 has it. */
export function neighbours(value: number): readonly [below: number, above: number] {
  const nearest = Math.fround(value);
  if (nearest === value || !Number.isFinite(nearest)) return [nearest, nearest];
  const step = Math.max(Math.abs(value) * 2 * UNIT, 2 ** -149);
  const other = Math.fround(nearest > value ? value - step : value + step);
  return nearest > value ? [other, nearest] : [nearest, other];
}
