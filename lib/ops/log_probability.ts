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

/** The rows of all cells as those of one. */
function batchRows(primitive: Primitive<undefined>, site: BatchSite<undefined>): Tensor {
  return partCells(apply(primitive, ofEachCell(site).map(joinCells), undefined), site.cells);
}

/** The logarithm of softmax at one label a row: logits `[rows, n]`, labels i32 `[rows]` → `[rows]`. */
export const logProbabilityPrimitive: Primitive<undefined> = {
  name: "logProbability",
  infer: ([logits]) => ({ shape: [logits.shape[0]], dtype: "f32" }),
  lowering: {
    kind: "kernel",
    emit: ({ inputs: [{ view: { shape: [rows, n] } }], target }) => ({
      dispatches: [{
        ...crossEntropyDispatch("value", { rows, n }, target),
        buffers: [{ input: 0 }, { input: 1 }, "output"],
      }],
    }),
  },
  reference: ([logits, labels]) =>
    Float64Array.from(rowsOf(logits, labels), ({ row, top, label, norm }) => (row[label] ?? NaN) - top - norm),
  vjp: ({ inputs: [logits, labels], cotangent }) => [
    apply(logProbabilityGradPrimitive, [logits, labels, cotangent], undefined),
    undefined,
  ],
  batch: (site) => batchRows(logProbabilityPrimitive, site),
};

/** From logits, labels and the derivative by each row's value d: d·(one-hot − softmax). */
export const logProbabilityGradPrimitive: Primitive<undefined> = {
  name: "logProbabilityGrad",
  infer: ([logits]) => logits,
  lowering: {
    kind: "kernel",
    emit: ({ output: { shape: [rows, n] }, target }) => ({
      dispatches: [{
        ...crossEntropyDispatch("slope", { rows, n }, target),
        buffers: [{ input: 0 }, { input: 1 }, { input: 2 }, "output"],
      }],
    }),
  },
  reference([logits, labels, d]) {
    const result = new Float64Array(logits.data.length);
    for (const { i, row, top, label, norm } of rowsOf(logits, labels)) {
      row.forEach((x, j) =>
        result[i * row.length + j] = d.data[i] * ((j === label ? 1 : 0) - Math.exp(x - top - norm))
      );
    }
    return result;
  },
  decompose([logits, labels, d]) {
    const target = labels.expandDims(1).equal(arange(logits.shape[1])).astype("f32");
    return target.sub(logits.softmax()).mul(d.expandDims(1));
  },
  batch: (site) => batchRows(logProbabilityGradPrimitive, site),
};

/**
 * Computes the logarithm of the probability that softmax gives to one label in each row: logits f32 `[rows, n]`, labels
 * i32 `[rows]` → f32 `[rows]`. Its negative is the cross entropy. Neither softmax nor its logarithm is stored, forward
 * or back. A label outside of its row gives NaN.
 *
 * Throws a TypeError where a dtype is another one, and a RangeError where the shapes do not fit.
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
export function logProbability(logits: Tensor, labels: Tensor): Tensor {
  requireDType("logProbability", logits, ["f32"]);
  requireDType("logProbability", labels, ["i32"]);
  if (logits.rank !== 2 || labels.rank !== 1 || labels.shape[0] !== logits.shape[0]) {
    const [a, b] = [logits, labels].map(({ shape }) => formatShape(shape));
    throw new RangeError(`logProbability: labels ${b} do not fit logits ${a}`);
  }
  // Of no classes, every label is outside.
  if (logits.shape[1] === 0) return full(labels.shape, NaN);
  return apply(logProbabilityPrimitive, [logits, labels], undefined);
}
