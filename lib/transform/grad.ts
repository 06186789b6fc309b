import { ones } from "../ops/full.ts";
import { mark } from "../ops/control.ts";
import { holdNodes } from "../ops/primitive.ts";
import { formatShape, sameShape } from "../tensor/shape.ts";
import { Hold } from "../tensor/hold.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type Tree, treeFlatten, treeFlattenLike, treeUnflatten } from "../tensor/tree.ts";
import { orZeros, pullBack, record } from "./differentiate.ts";

/** Options of {@linkcode grad}. */
export interface GradOptions {
  /** Position of the argument to differentiate by: a tree of f32 tensors. */
  readonly argument?: number;
}

/** Options of {@linkcode valueAndGrad}. */
export interface ValueAndGradOptions<Aux extends boolean = boolean> extends GradOptions {
  /** The function returns `{ value, aux }`, and `aux` is handed on. */
  readonly hasAux?: Aux;
}

/** A tree with its f32 tensors as nodes of their own, to differentiate by; others stay as they are. */
function markLeaves(tree: Tree): { marked: Tensor[]; tree: Tree; rebuild: (leaves: readonly Tensor[]) => Tree } {
  const { leaves, structure } = treeFlatten(tree, (value) => value instanceof Tensor && value.dtype === "f32");
  const marked = leaves.map(mark);
  return { marked, tree: treeUnflatten(structure, marked), rebuild: (parts) => treeUnflatten(structure, parts) };
}

function requireScalar(value: unknown): asserts value is Tensor {
  if (!(value instanceof Tensor)) throw new TypeError("grad: the function must return a scalar tensor");
  if (value.size !== 1 || value.dtype !== "f32") {
    throw new TypeError(`grad: the function must return an f32 scalar, and returned ${value}: sum or mean it`);
  }
}

/** A function of any arguments: what they are is known to whoever calls. */
// deno-lint-ignore no-explicit-any
export type AnyFunction = (...args: any[]) => any;

/**
 * Turns a function with a scalar result into one that gives the value and the derivative by one argument, a tree like
 * the argument with f32 tensors; leaves of other dtypes stay as they are. Derivatives are operations themselves, so the
 * result can be differentiated again.
 *
 * The function it gives throws a TypeError where the argument holds no f32 tensor, or the result is no f32 scalar.
 */
export function valueAndGrad<F extends AnyFunction>(
  f: F,
  options: ValueAndGradOptions = {},
): (...args: Parameters<F>) => { value: Tensor; grad: Tree; aux?: Tree } {
  const { argument = 0, hasAux = false } = options;
  return (...args) => {
    const { tape, value, result, rebuild } = holdNodes(() => {
      const { marked, tree, rebuild } = markLeaves(args[argument]);
      if (marked.length === 0) {
        throw new TypeError(`grad: argument ${argument} holds no f32 tensor to differentiate by`);
      }
      const result = f(...args.slice(0, argument), tree, ...args.slice(argument + 1));
      const value = hasAux ? result.value : result;
      requireScalar(value);
      return { tape: record([value], marked), value, result, rebuild };
    });
    const derivatives = pullBack(tape, [ones(value.shape)]);
    const grad = rebuild(orZeros(derivatives, tape.sources));
    return hasAux ? { value, grad, aux: result.aux } : { value, grad };
  };
}

/** Turns a function with a scalar result into its derivative by one argument, a tree like the argument. */
export function grad<F extends AnyFunction>(f: F, options: GradOptions = {}): (...args: Parameters<F>) => Tree {
  const both = valueAndGrad(f, options);
  return (...args) => both(...args).grad;
}

/**
 * The value of a function, a tree, and the function that carries derivatives of it back to all arguments: it takes a
 * tree like the value, records in whatever order of their keys, and gives a tree for each argument.
 *
 * `pullback` throws a RangeError where the cotangent has another structure than the value, or other shapes.
 */
export function vjp<F extends AnyFunction>(
  f: F,
  ...args: Parameters<F>
): { value: ReturnType<F>; pullback: (cotangent: Tree) => Tree[] } {
  const { tape, value, structure, sources } = holdNodes(() => {
    const sources = args.map(markLeaves);
    const value = f(...sources.map(({ tree }) => tree));
    const { leaves, structure } = treeFlatten(value);
    const tape = record(leaves, sources.flatMap(({ marked }) => marked));
    // The way back may be long in coming: what it needs lasts as long as it can be called.
    const held = new Hold(tape.nodes.flatMap(({ node, state }) => [node, ...state.inputs]));
    return { tape: { ...tape, held }, value, structure, sources };
  });
  const { outputs, sources: marked } = tape;
  return {
    value,
    pullback(cotangent) {
      const cotangents = treeFlattenLike(structure, cotangent, "vjp: the value and its cotangent");
      cotangents.forEach((part, i) => {
        if (!sameShape(part.shape, outputs[i].shape)) {
          throw new RangeError(
            `vjp: a cotangent of ${formatShape(part.shape)} does not fit a value of ${formatShape(outputs[i].shape)}`,
          );
        }
      });
      const derivatives = orZeros(pullBack(tape, cotangents), marked);
      let position = 0;
      return sources.map((source) => source.rebuild(derivatives.slice(position, position += source.marked.length)));
    },
  };
}
