import type { LossTerm } from "../nn/losses.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Tree, treeMap } from "../tensor/tree.ts";
import { grad, valueAndGrad } from "../transform/grad.ts";

/** The loss of one part of a batch as a function of what is trained. */
export type PartLoss<Trainable> = (trainable: Trainable) => LossTerm;

/**
 * The mean loss over all parts of a batch, the sum of their sums over the sum of their counts, and its gradient with that
 * of a penalty. Parts are differentiated one after the other, so that memory is needed for one.
 */
export function meanGradient<Trainable extends Tree>(
  parts: readonly PartLoss<Trainable>[],
  trainable: Trainable,
  penalty?: (trainable: Trainable) => Tensor,
): { mean: Tensor; gradient: Trainable } {
  if (parts.length === 0) throw new RangeError("a step needs at least one part of a batch");
  if (parts.length === 1) {
    const objective = (point: Trainable) => {
      const { sum, count } = parts[0](point);
      const mean = sum.div(count.maximum(1));
      return { value: penalty ? mean.add(penalty(point)) : mean, aux: mean };
    };
    const { grad: gradient, aux: mean } = valueAndGrad(objective, { hasAux: true })(trainable);
    return { mean, gradient };
  }
  const each = parts.map((part) => {
    const objective = (point: Trainable) => {
      const { sum, count } = part(point);
      return { value: sum, aux: count };
    };
    return valueAndGrad(objective, { hasAux: true })(trainable);
  });
  const count = each.map(({ aux }) => aux).reduce((a, b) => a.add(b)).maximum(1);
  const total = each.map((one) => one.grad).reduce((a, b) => treeMap((x, y) => x.add(y), a, b));
  const gradient = treeMap((x) => x.div(count), total);
  return {
    mean: each.map(({ value }) => value).reduce((a, b) => a.add(b)).div(count),
    gradient: penalty ? treeMap((x, y) => x.add(y), gradient, grad(penalty)(trainable)) : gradient,
  };
}
