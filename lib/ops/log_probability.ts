import { crossEntropyDispatch } from "../../kernels/cross_entropy.ts";
import { formatShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { arange } from "./arange.ts";
import { joinCells, ofEachCell, partCells } from "./batching.ts";
import { full } from "./full.ts";
import { requireDType } from "./elementwise.ts";
import { apply, type BatchSite, type Primitive, type ReferenceArray } from "./primitive.ts";

/** Each row with its label, its largest element and the logarithm of its Σeˣ less that, which would lose it where large. */
function* rowsOf(logits: ReferenceArray, labels: ReferenceArray) {
  const n = logits.shape[1];
  for (let i = 0; i < logits.shape[0]; i++) {
    const row = logits.data.subarray(i * n, (i + 1) * n);
    const top = row.reduce((a, b) => Math.max(a, b), -Infinity);
    yield { i, row, top, label: labels.data[i], norm: Math.log(row.reduce((sum, x) => sum + Math.exp(x - top), 0)) };
  }
}

/** What the target of a row is: `smoothing` is the share of it that lies on all labels alike. */
interface TargetParams {
  readonly smoothing: number;
}

/** The rows of all cells as those of one. */
function batchRows(primitive: Primitive<TargetParams>, site: BatchSite<TargetParams>): Tensor {
  return partCells(apply(primitive, ofEachCell(site).map(joinCells), site.params), site.cells);
}

/** The logarithm of softmax at one label a row: logits `[rows, n]`, labels i32 `[rows]` → `[rows]`. */
export const logProbabilityPrimitive: Primitive<TargetParams> = {
  name: "logProbability",
  infer: ([logits]) => ({ shape: [logits.shape[0]], dtype: "f32" }),
  lowering: {
    kind: "kernel",
    emit: ({ inputs: [{ view: { shape: [rows, n] } }], params: { smoothing }, target }) => ({
      dispatches: [{
        ...crossEntropyDispatch("value", { rows, n, smoothing }, target),
        buffers: [{ input: 0 }, { input: 1 }, "output"],
      }],
    }),
  },
  reference: ([logits, labels], { smoothing }) =>
    Float64Array.from(rowsOf(logits, labels), ({ row, top, label, norm }) => {
      const atLabel = (row[label] ?? NaN) - top - norm;
      if (smoothing === 0) return atLabel;
      const mean = row.reduce((sum, x) => sum + (x - top), 0) / row.length - norm;
      return atLabel * (1 - smoothing) + mean * smoothing;
    }),
  vjp: ({ inputs: [logits, labels], params, cotangent }) => [
    apply(logProbabilityGradPrimitive, [logits, labels, cotangent], params),
    undefined,
  ],
  batch: (site) => batchRows(logProbabilityPrimitive, site),
};

/** From logits, labels and the derivative by each row's value d: d·(target − softmax), whose target is one-hot, or smoothed. */
export const logProbabilityGradPrimitive: Primitive<TargetParams> = {
  name: "logProbabilityGrad",
  infer: ([logits]) => logits,
  lowering: {
    kind: "kernel",
    emit: ({ output: { shape: [rows, n] }, params: { smoothing }, target }) => ({
      dispatches: [{
        ...crossEntropyDispatch("slope", { rows, n, smoothing }, target),
        buffers: [{ input: 0 }, { input: 1 }, { input: 2 }, "output"],
      }],
    }),
  },
  reference([logits, labels, d], { smoothing }) {
    const n = logits.shape[1];
    const target = (isLabel: boolean) => (isLabel ? 1 - smoothing : 0) + smoothing / n;
    const result = new Float64Array(logits.data.length);
    for (const { i, row, top, label, norm } of rowsOf(logits, labels)) {
      row.forEach((x, j) => result[i * row.length + j] = d.data[i] * (target(j === label) - Math.exp(x - top - norm)));
    }
    return result;
  },
  decompose([logits, labels, d], { smoothing }) {
    const oneHot = labels.expandDims(1).equal(arange(logits.shape[1])).astype("f32");
    const target = smoothing === 0 ? oneHot : oneHot.mul(1 - smoothing).add(smoothing / logits.shape[1]);
    return target.sub(logits.softmax()).mul(d.expandDims(1));
  },
  batch: (site) => batchRows(logProbabilityGradPrimitive, site),
};

/** Options of {@linkcode logProbability}. */
export interface LogProbabilityOptions {
  /**
   * Share ε of the target that is spread over all labels alike, in [0, 1]; 0 by default. The result is then the weighted
   * mean of logarithms, (1 − ε) of the label's and ε of the mean of all, whose negative is the smoothed cross entropy.
   */
  readonly smoothing?: number;
}

/**
 * Computes the logarithm of the probability that softmax gives to one label in each row: logits f32 `[rows, n]`, labels
 * i32 `[rows]` → f32 `[rows]`. Its negative is the cross entropy. Neither softmax nor its logarithm is stored, forward
 * or back. A label outside of its row gives NaN.
 *
 * Throws a TypeError where a dtype is another one, and a RangeError where the shapes do not fit or ε is not in [0, 1].
 *
 * @see [torch.nn.functional.cross_entropy](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const logits = dd.tensor([[0, 0], [1, 3]]);
 * const labels = dd.tensor([1, 0], { dtype: "i32" });
 * console.log(await dd.logProbability(logits, labels).data()); // ≈ Float32Array [-0.6931, -2.1269]
 * ```
 */
export function logProbability(
  logits: Tensor,
  labels: Tensor,
  { smoothing = 0 }: LogProbabilityOptions = {},
): Tensor {
  requireDType("logProbability", logits, ["f32"]);
  requireDType("logProbability", labels, ["i32"]);
  if (logits.rank !== 2 || labels.rank !== 1 || labels.shape[0] !== logits.shape[0]) {
    const [a, b] = [logits, labels].map(({ shape }) => formatShape(shape));
    throw new RangeError(`logProbability: labels ${b} do not fit logits ${a}`);
  }
  if (!(smoothing >= 0 && smoothing <= 1)) {
    throw new RangeError(`logProbability: smoothing lies in [0, 1], not ${smoothing}`);
  }
  // Of no classes, every label is outside.
  if (logits.shape[1] === 0) return full(labels.shape, NaN);
  return apply(logProbabilityPrimitive, [logits, labels], { smoothing });
}
