import { zeros } from "../ops/full.ts";
import { type Group, groupPrimitive } from "../ops/identity.ts";
import { apply } from "../ops/primitive.ts";
import { formatShape, sameShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Tree, treeFlatten, treeFlattenLike, treeUnflatten } from "../tensor/tree.ts";

/** Wraps results so that derivatives go to `sources` by a rule of the group's own. */
export function makeGroup(
  results: readonly Tensor[],
  sources: readonly Tensor[],
  backward: Group["backward"],
): Tensor[] {
  const group: Group = { outputs: [], backward };
  for (const result of results) group.outputs.push(apply(groupPrimitive, [result, ...sources], { group }));
  return group.outputs;
}

/** What stands for no cotangent: zeros, in f32 where the value is stored in f16, as all its cotangents are. */
function noCotangent({ shape, dtype }: Tensor): Tensor {
  return zeros(shape, { dtype: dtype === "f16" ? "f32" : dtype });
}

/** A derivative rule of one's own, for {@linkcode customVjp}. */
export interface CustomVjpRules<Args extends readonly Tree[], Value extends Tree, Residuals> {
  /** Computes the value, and as `residuals` what `backward` will need: anything, not a tree alone. */
  forward(...args: Args): { value: Value; residuals: Residuals };
  /**
   * Computes derivatives by the arguments from the residuals and the derivative by the value: one tree like each
   * argument, records in whatever order of their keys, or `undefined` for none.
   */
  backward(
    residuals: Residuals,
    cotangent: Value,
  ): { readonly [Position in keyof Args]: Args[Position] | undefined };
}

/**
 * Gives a function a derivative rule of one's own: `f` says what it computes, `forward` and `backward` how it is
 * computed and differentiated. Derivatives reach the arguments alone, not tensors that `f` closes over.
 *
 * Differentiating throws a RangeError where `backward` gives another number of trees than there are arguments, or trees
 * of another structure or of other shapes than the arguments have.
 *
 * @see [jax.custom_vjp](https://docs.jax.dev/en/latest/_autosummary/jax.custom_vjp.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const clipped = dd.customVjp((x: dd.Tensor) => x.square(), {
 *   forward: (x) => ({ value: x.square(), residuals: x }),
 *   backward: (x, cotangent) => [cotangent.mul(x.mul(2)).minimum(1)],
 * });
 * console.log(await dd.grad((x: dd.Tensor) => clipped(x).sum())(dd.tensor([0.25, 3])).data()); // Float32Array [0.5, 1]
 * ```
 */
export function customVjp<Args extends readonly Tree[], Value extends Tree, Residuals>(
  f: (...args: Args) => Value,
  rules: CustomVjpRules<Args, Value, Residuals>,
): (...args: Args) => Value {
  return (...args) => {
    const { value, residuals } = rules.forward(...args);
    const { leaves, structure } = treeFlatten(value);
    const perArgument = args.map((arg) => treeFlatten(arg));
    const outputs = makeGroup(leaves, perArgument.flatMap((argument) => argument.leaves), (cotangents) => {
      const tree = treeUnflatten(structure, cotangents.map((part, i) => part ?? noCotangent(leaves[i])));
      const results = rules.backward(residuals, tree);
      if (results.length !== args.length) {
        throw new RangeError(
          `customVjp: ${f.name || "f"} has ${args.length} arguments, backward gave ${results.length}`,
        );
      }
      return perArgument.flatMap(({ leaves: inputs, structure }, i) => {
        if (results[i] === undefined) return inputs.map(() => undefined);
        const parts = treeFlattenLike(structure, results[i], `customVjp: argument ${i} and what backward gave for it`);
        parts.forEach((part, k) => {
          if (sameShape(part.shape, inputs[k].shape)) return;
          const [got, wanted] = [formatShape(part.shape), formatShape(inputs[k].shape)];
          throw new RangeError(`customVjp: argument ${i} has a tensor of ${wanted}, backward gave ${got} for it`);
        });
        return parts;
      });
    });
    return treeUnflatten(structure, outputs);
  };
}
