import { type Tree, treeMap } from "../tensor/tree.ts";

/**
 * Parameters plus updates, leaf by leaf: the last line of a step.
 *
 * Throws a RangeError where the trees differ in structure.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const params = dd.optim.applyUpdates({ w: dd.tensor([1, 2]) }, { w: dd.tensor([-1, 1]) });
 * console.log(await params.w.data()); // Float32Array [0, 3]
 * ```
 */
export function applyUpdates<Params extends Tree>(params: Params, updates: NoInfer<Params>): Params {
  return treeMap((p, u) => p.add(u), params, updates);
}
