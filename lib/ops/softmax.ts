import type { AxisOption } from "../tensor/operation_options.ts";
import { normalizeAxis, type Shape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { batchInFront } from "./batching.ts";
import { requireDType } from "./elementwise.ts";
import { apply, type Lowering, type Primitive, type ReferenceArray } from "./primitive.ts";
import { transpose } from "./reshape.ts";
import { rowDispatch, type RowKernelName } from "../../kernels/rows.ts";

/** Lowers a primitive over rows of the last axis to the kernel of that name. */
function rowLowering(name: RowKernelName): Lowering<{ readonly epsilon?: number }> {
  return {
    kind: "kernel",
    takesEpilogue: true,
    emit({ inputs, output, params, target, epilogue }) {
      const n = output.shape[output.shape.length - 1];
      const rows = output.shape.slice(0, -1).reduce((product, size) => product * size, 1);
      return {
        dispatches: [{
          ...rowDispatch(name, { rows, n, epsilon: params.epsilon }, { target, epilogue }),
          buffers: [...inputs.map((_, input) => ({ input })), "epilogue"],
        }],
      };
    },
  };
}

/** Computes row by row over the last axis in float64. */
function byRows(inputs: readonly ReferenceArray[], row: (...rows: Float64Array[]) => Float64Array): Float64Array {
  const n = inputs[0].shape[inputs[0].shape.length - 1];
  const result = new Float64Array(inputs[0].data.length);
  for (let start = 0; start < result.length; start += n) {
    result.set(row(...inputs.map(({ data }) => data.subarray(start, start + n))), start);
  }
  return result;
}

const total = (row: Float64Array) => row.reduce((a, b) => a + b, 0);
const dot = (a: Float64Array, b: Float64Array) => a.reduce((s, x, i) => s + x * b[i], 0);
const same = ([x]: readonly { readonly shape: Shape }[]) => ({ shape: x.shape, dtype: "f32" as const });
const sumLast = (x: Tensor) => x.sum({ axis: -1, keepDims: true });
const meanLast = (x: Tensor) => x.mean({ axis: -1, keepDims: true });

/** Parameters of the row-wise primitives. */
export interface RowParams {
  /** Added to the variance. */
  readonly epsilon?: number;
}

/** eˣ / Σeˣ over the last axis. */
export const softmaxPrimitive: Primitive<RowParams> = {
  name: "softmax",
  infer: same,
  batch: (site) => batchInFront(softmaxPrimitive, site),
  lowering: rowLowering("softmax"),
  reference: (inputs) =>
    byRows(inputs, (row) => {
      const top = row.reduce((a, b) => Math.max(a, b), -Infinity);
      const powers = row.map((x) => Math.exp(x - top));
      const norm = total(powers);
      return powers.map((x) => x / norm);
    }),
  vjp: ({ output, cotangent }) => [apply(softmaxGradPrimitive, [output, cotangent], {})],
};

/** From y = softmax(x) and ∂/∂y: y·(∂/∂y − Σ y·∂/∂y). */
export const softmaxGradPrimitive: Primitive<RowParams> = {
  name: "softmaxGrad",
  infer: same,
  batch: (site) => batchInFront(softmaxGradPrimitive, site),
  lowering: rowLowering("softmaxGrad"),
  reference: (inputs) =>
    byRows(inputs, (y, d) => {
      const s = dot(y, d);
      return y.map((value, i) => value * (d[i] - s));
    }),
  decompose: ([y, d]) => y.mul(d.sub(sumLast(y.mul(d)))),
};

/** x − log Σeˣ over the last axis. */
export const logSoftmaxPrimitive: Primitive<RowParams> = {
  name: "logSoftmax",
  infer: same,
  batch: (site) => batchInFront(logSoftmaxPrimitive, site),
  lowering: rowLowering("logSoftmax"),
  reference: (inputs) =>
    byRows(inputs, (row) => {
      const top = row.reduce((a, b) => Math.max(a, b), -Infinity);
      const norm = Math.log(total(row.map((x) => Math.exp(x - top))));
      // In this order, as norm would be lost in a large top.
      return row.map((x) => x - top - norm);
    }),
  vjp: ({ output, cotangent }) => [apply(logSoftmaxGradPrimitive, [output, cotangent], {})],
};

/** From y = logSoftmax(x) and ∂/∂y: ∂/∂y − eʸ·Σ ∂/∂y. */
export const logSoftmaxGradPrimitive: Primitive<RowParams> = {
  name: "logSoftmaxGrad",
  infer: same,
  batch: (site) => batchInFront(logSoftmaxGradPrimitive, site),
  lowering: rowLowering("logSoftmaxGrad"),
  reference: (inputs) =>
    byRows(inputs, (y, d) => {
      const s = total(d);
      return y.map((value, i) => d[i] - Math.exp(value) * s);
    }),
  decompose: ([y, d]) => d.sub(y.exp().mul(sumLast(d))),
};

/** (x − mean) / √(variance + ε) over the last axis. */
export const normalizePrimitive: Primitive<RowParams> = {
  name: "normalize",
  infer: same,
  batch: (site) => batchInFront(normalizePrimitive, site),
  lowering: rowLowering("normalize"),
  reference: (inputs, { epsilon = 0 }) => byRows(inputs, (row) => standardize(row, epsilon).values),
  vjp: ({ inputs: [x], params, cotangent }) => [apply(normalizeGradPrimitive, [x, cotangent], params)],
};

function standardize(row: Float64Array, epsilon: number): { values: Float64Array; scale: number } {
  const center = total(row) / row.length;
  const scale = 1 / Math.sqrt(total(row.map((x) => (x - center) ** 2)) / row.length + epsilon);
  return { values: row.map((x) => (x - center) * scale), scale };
}

/** From x and ∂/∂y of y = normalize(x): (∂/∂y − mean(∂/∂y) − y·mean(y·∂/∂y)) / √(variance + ε). */
export const normalizeGradPrimitive: Primitive<RowParams> = {
  name: "normalizeGrad",
  infer: same,
  batch: (site) => batchInFront(normalizeGradPrimitive, site),
  lowering: rowLowering("normalizeGrad"),
  reference: (inputs, { epsilon = 0 }) =>
    byRows(inputs, (x, d) => {
      const { values, scale } = standardize(x, epsilon);
      const [center, along] = [total(d) / d.length, dot(values, d) / d.length];
      return d.map((value, i) => (value - center - values[i] * along) * scale);
    }),
  decompose([x, d], { epsilon = 0 }) {
    const centered = x.sub(meanLast(x));
    const scale = meanLast(centered.square()).add(epsilon).rsqrt();
    const y = centered.mul(scale);
    return d.sub(meanLast(d)).sub(y.mul(meanLast(y.mul(d)))).mul(scale);
  },
};

/** Applies a row-wise primitive along any axis. */
function along(primitive: Primitive<RowParams>, x: Tensor, axis: number, params: RowParams): Tensor {
  requireDType(primitive.name, x, ["f32"]);
  const position = normalizeAxis(axis, x.rank, primitive.name);
  if (position === x.rank - 1) return apply(primitive, [x], params);
  const swap = x.shape.map((_, a) => a === position ? x.rank - 1 : a === x.rank - 1 ? position : a);
  return transpose(apply(primitive, [transpose(x, swap)], params), swap);
}

/**
 * Computes `eˣ / Σeˣ` along an axis, the last by default: probabilities that add up to 1. It does not overflow, and a
 * row of −Infinity beside finite values is finite.
 *
 * Throws a TypeError where `x` is not f32, and a RangeError where the axis does not exist.
 *
 * @see [jax.nn.softmax](https://docs.jax.dev/en/latest/_autosummary/jax.nn.softmax.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.softmax(dd.tensor([[0, 0], [1000, -Infinity]])).data()); // ≈ Float32Array [0.5, 0.5, 1, 0]
 * ```
 */
export function softmax(x: Tensor, options: AxisOption = {}): Tensor {
  return along(softmaxPrimitive, x, options.axis ?? -1, {});
}

/**
 * Computes the logarithm of {@linkcode softmax}, `x − log Σeˣ`, along an axis, the last by default. It does not
 * overflow, and small probabilities keep their digits.
 *
 * Throws a TypeError where `x` is not f32, and a RangeError where the axis does not exist.
 *
 * @see [jax.nn.log_softmax](https://docs.jax.dev/en/latest/_autosummary/jax.nn.log_softmax.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.logSoftmax(dd.tensor([[0, 0], [1000, 0]])).data()); // ≈ Float32Array [-0.6931, -0.6931, 0, -1000]
 * ```
 */
export function logSoftmax(x: Tensor, options: AxisOption = {}): Tensor {
  return along(logSoftmaxPrimitive, x, options.axis ?? -1, {});
}

/**
 * Shifts and scales each row of the last axis to a mean of 0 and a variance of 1: `(x − mean) / √(variance + ε)`. This
 * is layer normalization ([Ba et al. 2016](https://arxiv.org/abs/1607.06450)) without weight and bias; `epsilon` is
 * 10⁻⁵ by default.
 *
 * Throws a TypeError where `x` is not f32, and a RangeError where it is a scalar.
 *
 * @see [torch.nn.functional.layer_norm](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.layer_norm.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * console.log(await dd.normalize(dd.tensor([[1, 2, 3], [5, 5, 5]])).data()); // ≈ Float32Array [-1.2247, 0, 1.2247, 0, 0, 0]
 * ```
 */
export function normalize(x: Tensor, options: { readonly epsilon?: number } = {}): Tensor {
  return along(normalizePrimitive, x, -1, { epsilon: options.epsilon ?? 1e-5 });
}
