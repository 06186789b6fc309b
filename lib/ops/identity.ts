import type { Tensor } from "../tensor/tensor.ts";
import { apply, type Primitive, type VjpSite } from "./primitive.ts";

function alias<P>(name: string, vjp: (site: VjpSite<P>) => readonly (Tensor | undefined)[]): Primitive<P> {
  const primitive: Primitive<P> = {
    name,
    infer: ([x]) => x,
    lowering: { kind: "view", view: (view) => view },
    reference: ([x]) => x.data,
    vjp,
    // vmap() sees to groups, and to a dependency of what is shared.
    batch: ({ inputs, params }) => apply(primitive, inputs, params),
  };
  return primitive;
}

/** The same value as a node of its own: what derivatives are taken by. */
export const markPrimitive: Primitive<undefined> = alias("mark", ({ cotangent }) => [cotangent]);
/** The same value without a derivative. */
export const stopGradientPrimitive: Primitive<undefined> = alias("stopGradient", () => [undefined]);
/** The first input, not to be computed before the second. */
export const controlDependencyPrimitive: Primitive<undefined> = alias(
  "controlDependency",
  ({ cotangent }) => [cotangent, undefined],
);

/** Results that are differentiated together by a rule of their own. */
export interface Group {
  /** The results, as nodes of {@linkcode groupPrimitive}, in order of creation. */
  readonly outputs: Tensor[];
  /** Derivatives by the sources, which are the inputs after the first, from those by the outputs. */
  backward(
    cotangents: readonly (Tensor | undefined)[],
    sources: readonly Tensor[],
  ): readonly (Tensor | undefined)[];
}

/** The first input's value; derivatives go to the other inputs by the group's rule, which the transform calls. */
export const groupPrimitive: Primitive<{ readonly group: Group }> = alias("group", () => {
  throw new Error("internal: a group is differentiated as a whole");
});

/** The same value as a new node. */
export function mark(x: Tensor): Tensor {
  return apply(markPrimitive, [x], undefined);
}

/**
 * Gives the same elements, which derivatives take for constants.
 *
 * @see [jax.lax.stop_gradient](https://docs.jax.dev/en/latest/_autosummary/jax.lax.stop_gradient.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const slope = dd.grad((x: dd.Tensor) => x.mul(dd.stopGradient(x)).sum());
 * console.log(await slope(dd.tensor([3, 5])).data()); // Float32Array [3, 5]
 * ```
 */
export function stopGradient(x: Tensor): Tensor {
  return apply(stopGradientPrimitive, [x], undefined);
}

/**
 * Gives the elements of `x`, which are computed only after `after` was. The compiler takes the same work on equal
 * inputs for one; a control dependency keeps a recomputation apart from what it repeats, which is what
 * {@linkcode checkpoint} needs. Derivatives reach `x` alone.
 *
 * @see [jax.lax.optimization_barrier](https://docs.jax.dev/en/latest/_autosummary/jax.lax.optimization_barrier.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const [x, first] = [dd.tensor([1, 2]), dd.tensor([10, 20]).sum()];
 * console.log(await dd.controlDependency(x, first).data()); // Float32Array [1, 2]
 * ```
 */
export function controlDependency(x: Tensor, after: Tensor): Tensor {
  return apply(controlDependencyPrimitive, [x, after], undefined);
}
