import { type Tree, treeMap } from "../tensor/tree.ts";
import { copy, full } from "../ops/mod.ts";
import { requireScalar } from "../ops/scalar.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Optimizer, Schedule } from "./optimizer.ts";

/**
 * One optimizer of several transformations, one after the other: each gets the updates of the one before as its
 * gradients. Its state is the tuple of theirs, and its learning rate, for logs, is that of the first part that has one.
 *
 * Throws a RangeError where parts refresh every so many steps, and not at the same ones.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const optimizer = dd.optim.chain(dd.optim.scaleByAdam(), dd.optim.scaleByLearningRate(0.1));
 * const params = { w: dd.tensor([1, 2]) };
 * const [adam, rate] = optimizer.init(params);
 * console.log(await adam.count.item(), await rate.count.item()); // 0 0
 * ```
 */
export function chain<States extends readonly Tree[]>(
  ...parts: { readonly [Part in keyof States]: Optimizer<States[Part]> }
): Optimizer<States>;
export function chain(...parts: readonly Optimizer[]): Optimizer<readonly Tree[]> {
  const refreshEvery = sharedInterval(parts);
  return {
    init: (params, key) => parts.map((part) => part.init(params, key)),
    ...refreshEvery !== undefined && { refreshEvery },
    ...parts.some(({ hasOwnMoments }) => hasOwnMoments) && { hasOwnMoments: true },
    update(grads, state, params, isRefresh) {
      let updates = grads;
      const next = parts.map((part, i) => {
        const step = part.update(updates, state[i], params, isRefresh);
        updates = step.updates;
        return step.state;
      });
      return { updates, state: next };
    },
    restart: (state, params, key) =>
      parts.map((part, i) => part.restart?.(state[i], params, key) ?? part.init(params, key)),
    learningRate(state) {
      return parts.reduce<Tensor | undefined>((rate, part, i) => rate ?? part.learningRate?.(state[i]), undefined);
    },
  };
}

/** Steps between refreshes of parts, of which all that refresh do so at the same steps. */
function sharedInterval(parts: readonly Optimizer[]): number | undefined {
  const [first, ...others] = new Set(parts.flatMap(({ refreshEvery }) => refreshEvery ?? []));
  if (others.length === 0) return first;
  throw new RangeError(`chain: all parts refresh at the same steps, not every ${[first, ...others].join(" and ")}`);
}

/** State of a transformation that counts its steps. */
export interface CountState {
  /** Steps taken, an i32 scalar. */
  readonly count: Tensor;
}

/** The rate at a count, from a number, a scalar or a schedule. */
export function rateAt(learningRate: number | Tensor | Schedule, count: Tensor): Tensor {
  if (typeof learningRate === "function") return learningRate(count);
  // A copy, as what a step tells is its reader's to dispose of.
  return typeof learningRate === "number" ? full([], learningRate) : copy(learningRate);
}

/** A counter at its beginning. */
export function startCount(): Tensor {
  return full([], 0).astype("i32");
}

/**
 * Turns gradients into descent: updates of −rate · gradient. The rate is a number, an f32 scalar where it is data, or a
 * schedule that is asked by step, from 0.
 *
 * Throws a TypeError where a tensor is not f32, and a RangeError where it is no scalar.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const params = { w: dd.tensor([1, 2]) };
 * const descent = dd.optim.scaleByLearningRate(0.5);
 * const { updates } = descent.update({ w: dd.tensor([2, -4]) }, descent.init(params), params);
 * console.log(await updates.w.data()); // Float32Array [-1, 2]
 * ```
 */
export function scaleByLearningRate(learningRate: number | Tensor | Schedule): Optimizer<CountState> {
  if (typeof learningRate !== "function") {
    requireScalar({ of: "scaleByLearningRate", name: "learningRate", value: learningRate });
  }
  return {
    init: () => ({ count: startCount() }),
    update(grads, { count }) {
      const factor = rateAt(learningRate, count).neg();
      return { updates: treeMap((g) => g.mul(factor), grads), state: { count: count.add(1) } };
    },
    restart: (state) => state,
    learningRate: ({ count }) => rateAt(learningRate, count),
  };
}
