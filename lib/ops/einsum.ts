import { sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { arange } from "./arange.ts";
import { mul } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { equal } from "./compare.ts";
import { type Label, readEquation } from "./einsum_equation.ts";
import { requireDType } from "./elementwise.ts";
import { matmul } from "./matmul.ts";
import { sum } from "./reduce.ts";
import { expandDims, reshape, transpose } from "./reshape.ts";
import { where } from "./where.ts";

/** A tensor whose axes have labels, each another one. */
interface Labelled {
  readonly x: Tensor;
  readonly labels: readonly Label[];
}

const sizeFor = ({ x, labels }: Labelled, label: Label) => x.shape[labels.indexOf(label)];

/** Axes in the order of labels, all of which are there. */
function inOrder({ x, labels }: Labelled, order: readonly Label[]): Tensor {
  return transpose(x, order.map((label) => labels.indexOf(label)));
}

/** Without the labels that nothing asks for: sums over them. */
function summed({ x, labels }: Labelled, wanted: ReadonlySet<Label>): Labelled {
  const axis = labels.flatMap((label, a) => wanted.has(label) ? [] : [a]);
  return axis.length === 0
    ? { x, labels }
    : { x: sum(x, { axis }), labels: labels.filter((label) => wanted.has(label)) };
}

/** An operand whose labels are each another one: the diagonal where one stands twice, and no axis that is to stretch. */
function distinct({ x, labels }: Labelled, sizes: ReadonlyMap<Label, number>): Labelled {
  const stretched = labels.flatMap((label, axis) => x.shape[axis] !== sizes.get(label) ? [axis] : []);
  if (stretched.length > 0) {
    const kept = [...labels.keys()].filter((axis) => !stretched.includes(axis));
    const shape = kept.map((axis) => x.shape[axis]);
    return distinct({ x: reshape(x, shape), labels: kept.map((axis) => labels[axis]) }, sizes);
  }
  const second = labels.findIndex((label, axis) => labels.indexOf(label) !== axis);
  if (second === -1) return { x, labels };
  const first = labels.indexOf(labels[second]);
  const others = [...labels.keys()].filter((axis) => axis !== first && axis !== second);
  const places = arange(x.shape[first]);
  const isDiagonal = equal(expandDims(places, 1), places);
  const diagonal = sum(where(isDiagonal, transpose(x, [...others, first, second]), 0), { axis: -1 });
  return distinct({ x: diagonal, labels: [...others, first].map((axis) => labels[axis]) }, sizes);
}

/** The product of two operands, summed over the labels of both that nothing else asks for. */
function contract(left: Labelled, right: Labelled, wanted: ReadonlySet<Label>): Labelled {
  const a = summed(left, new Set([...wanted, ...right.labels]));
  const b = summed(right, new Set([...wanted, ...a.labels]));
  const shared = a.labels.filter((label) => b.labels.includes(label));
  const batch = shared.filter((label) => wanted.has(label));
  const inner = shared.filter((label) => !wanted.has(label));
  const rows = a.labels.filter((label) => !shared.includes(label));
  const columns = b.labels.filter((label) => !shared.includes(label));
  const labels = [...batch, ...rows, ...columns];
  const sizes = (from: Labelled, list: readonly Label[]) => list.map((label) => sizeFor(from, label));
  const [A, B] = [inOrder(a, [...batch, ...rows, ...inner]), inOrder(b, [...batch, ...inner, ...columns])];
  const [batchSizes, innerSizes] = [sizes(a, batch), sizes(a, inner)];
  const [m, k, n] = [sizes(a, rows), innerSizes, sizes(b, columns)].map(sizeOf);
  const shape = [...batchSizes, ...sizes(a, rows), ...sizes(b, columns)];
  // Products of integers, and of rows alone, are no matrix products: one kernel multiplies and sums.
  if (a.x.dtype !== "f32" || (m === 1 && n === 1)) {
    const product = mul(reshape(A, [...batchSizes, m, k, 1]), reshape(B, [...batchSizes, 1, k, n]));
    return { x: reshape(k === 1 ? product : sum(product, { axis: -2 }), shape), labels };
  }
  const product = matmul(reshape(A, [...batchSizes, m, k]), reshape(B, [...batchSizes, k, n]));
  return { x: reshape(product, shape), labels };
}

/** The two operands whose product takes the least work, the first of several. */
function cheapestPair(operands: readonly Labelled[], sizes: ReadonlyMap<Label, number>): [number, number] {
  let best: [number, number] = [0, 1];
  let least = Infinity;
  operands.forEach(({ labels }, i) =>
    operands.slice(i + 1).forEach((other, step) => {
      const work = sizeOf([...new Set([...labels, ...other.labels])].map((label) => sizes.get(label) ?? 1));
      if (work < least) [best, least] = [[i, i + 1 + step], work];
    })
  );
  return best;
}

/**
 * Computes sums of products by Einstein's notation: the axes of each operand are letters, separated by commas, and
 * those of the result follow `->`. What a letter names is one axis in all operands: they are multiplied along it, and
 * summed over it where the result does not name it. A letter twice in one operand is its diagonal. `...` stands for all
 * axes that are not named, which broadcast. Without `->` the result has the letters that stand once, in alphabetical
 * order. Operands are multiplied two by two, the pair that takes least work first, as matrix products where they are f32.
 *
 * Throws a RangeError where the equation does not fit the operands, and a TypeError where one is bool or dtypes differ.
 *
 * @see [jax.numpy.einsum](https://docs.jax.dev/en/latest/_autosummary/jax.numpy.einsum.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const x = dd.tensor([[1, 2], [3, 4]]);
 * console.log(await dd.einsum("ij,j->i", x, dd.tensor([1, 10])).data()); // Float32Array [21, 43]
 * console.log(await dd.einsum("ii->", x).item()); // 5
 * const [queries, keys] = [dd.ones([2, 4, 3, 8]), dd.ones([2, 4, 5, 8])];
 * console.log(dd.einsum("...qd,...kd->...qk", queries, keys).shape); // [2, 4, 3, 5]
 * ```
 */
export function einsum(equation: string, ...operands: readonly Tensor[]): Tensor {
  for (const x of operands) requireDType("einsum", x, ["f32", "f16", "i32", "u32"]);
  const { operands: labels, output, sizes } = readEquation(equation, operands.map(({ shape }) => shape));
  const numbers = operands.map((x) => x.dtype === "f16" ? cast(x, "f32") : x);
  const other = numbers.find(({ dtype }) => dtype !== numbers[0].dtype);
  if (other) throw new TypeError(`einsum: operands are ${numbers[0].dtype} and ${other.dtype}: cast one of them`);
  let rest = numbers.map((x, i) => distinct({ x, labels: labels[i] }, sizes));
  while (rest.length > 1) {
    const [i, j] = cheapestPair(rest, sizes);
    const others = rest.filter((_, k) => k !== i && k !== j);
    const wanted = new Set([...output, ...others.flatMap((operand) => operand.labels)]);
    rest = [...others, contract(rest[i], rest[j], wanted)];
  }
  return inOrder(summed(rest[0], new Set(output)), output);
}
