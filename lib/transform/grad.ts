import { ones } from "../ops/full.ts";
import { mark } from "../ops/identity.ts";
import { holdNodes } from "../ops/primitive.ts";
import { formatShape, sameShape } from "../tensor/shape.ts";
import { Hold } from "../tensor/hold.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type Tree, treeFlatten, treeFlattenLike, treeUnflatten } from "../tensor/tree.ts";
import { orZeros, pullBack, record } from "./differentiate.ts";

/** Options of {@linkcode grad}. */
export interface GradOptions<Position extends number = number> {
  /** Position of the argument to differentiate by, a tree with f32 tensors; 0, the first, by default. */
  readonly argument?: Position;
}

/** Options of {@linkcode valueAndGrad}. */
export interface ValueAndGradOptions<Position extends number = number> extends GradOptions<Position> {
  /** Whether the function returns `{ value, aux }`, of which `aux`, anything, is handed on; `false` by default. */
  readonly hasAux?: boolean;
}

/** A function of any arguments: what they are is known to whoever calls it. */
export type AnyFunction = (...args: never[]) => unknown;

/**
 * What {@linkcode valueAndGrad} gives: a function's value, and its derivative by one argument, a tree of that
 * argument's type.
 */
export interface ValueAndGrad<Grad> {
  /** The function's value, an f32 scalar. */
  readonly value: Tensor;
  /**
   * The derivative, like the argument: each f32 tensor is the derivative by the one at its place, everything else
   * stands as it was.
   */
  readonly grad: Grad;
}

/** A tree with its f32 tensors as nodes of their own, to differentiate by; others stay as they are. */
function markLeaves<T extends Tree>(
  tree: T,
): { marked: Tensor[]; tree: T; rebuild: (leaves: readonly Tensor[]) => T } {
  const isSource = (value: unknown): value is Tensor => value instanceof Tensor && value.dtype === "f32";
  const { leaves, structure } = treeFlatten(tree, isSource);
  const marked = leaves.map(mark);
  return { marked, tree: treeUnflatten(structure, marked), rebuild: (parts) => treeUnflatten(structure, parts) };
}

function requireScalar(value: unknown): asserts value is Tensor {
  if (!(value instanceof Tensor)) throw new TypeError("grad: the function must return a scalar tensor");
  if (value.size !== 1 || value.dtype !== "f32") {
    throw new TypeError(`grad: the function must return an f32 scalar, and returned ${value}: sum or mean it`);
  }
}

/** What a function with `hasAux` returned. */
function withAux(result: unknown): { readonly value?: unknown; readonly aux?: unknown } {
  return typeof result === "object" && result !== null ? result : {};
}

/**
 * Turns a function that gives a scalar and something beside it, `{ value, aux }`, into one that gives the value, its
 * derivative by one argument, and `aux`, anything, as it is.
 *
 * The function it gives throws a TypeError where the argument holds no f32 tensor, or the value is no f32 scalar.
 *
 * @see [jax.value_and_grad](https://docs.jax.dev/en/latest/_autosummary/jax.value_and_grad.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const loss = ({ w }: { w: dd.Tensor }) => ({ value: dd.sum(dd.mul(w, w)), aux: { count: w.size } });
 * const { grad, aux } = dd.valueAndGrad(loss, { hasAux: true })({ w: dd.tensor([1, 2]) });
 * console.log(await grad.w.data(), aux.count); // Float32Array [2, 4] 2
 * ```
 */
export function valueAndGrad<Args extends readonly Tree[], Aux, const Position extends number = 0>(
  f: (...args: Args) => { readonly value: Tensor; readonly aux: Aux },
  options: ValueAndGradOptions<Position> & { readonly hasAux: true },
): <Given extends Args>(...args: Given) => ValueAndGrad<Given[Position]> & { readonly aux: Aux };
/**
 * Turns a function with a scalar result into one that gives the value and its derivative by one argument, a tree like
 * the argument: its f32 tensors are derivatives, everything else stands as it was. Derivatives are made of operations,
 * so the result can be differentiated again.
 *
 * The function it gives throws a TypeError where the argument holds no f32 tensor, or the result is no f32 scalar.
 *
 * @see [jax.value_and_grad](https://docs.jax.dev/en/latest/_autosummary/jax.value_and_grad.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const { value, grad } = dd.valueAndGrad((x: dd.Tensor) => x.square().sum())(dd.tensor([1, 2]));
 * console.log(await value.item(), await grad.data()); // 5 Float32Array [2, 4]
 * ```
 */
export function valueAndGrad<Args extends readonly Tree[], const Position extends number = 0>(
  f: (...args: Args) => Tensor,
  options?: ValueAndGradOptions<Position> & { readonly hasAux?: false },
): <Given extends Args>(...args: Given) => ValueAndGrad<Given[Position]>;
export function valueAndGrad(
  f: (...args: readonly Tree[]) => unknown,
  options: ValueAndGradOptions = {},
): (...args: readonly Tree[]) => ValueAndGrad<Tree> & { readonly aux?: unknown } {
  const { argument = 0, hasAux = false } = options;
  return (...args) => {
    const { tape, value, aux, rebuild } = holdNodes(() => {
      const { marked, tree, rebuild } = markLeaves(args[argument]);
      if (marked.length === 0) {
        throw new TypeError(`grad: argument ${argument} holds no f32 tensor to differentiate by`);
      }
      const result = f(...args.slice(0, argument), tree, ...args.slice(argument + 1));
      const { value, aux } = hasAux ? withAux(result) : { value: result };
      requireScalar(value);
      return { tape: record([value], marked), value, aux, rebuild };
    });
    const derivatives = pullBack(tape, [ones(value.shape)]);
    const grad = rebuild(orZeros(derivatives, tape.sources));
    return hasAux ? { value, grad, aux } : { value, grad };
  };
}

/**
 * Turns a function with a scalar result into its derivative by one argument, a tree like the argument: its f32 tensors
 * are derivatives, everything else stands as it was. Derivatives are made of operations, so the result can be
 * differentiated again.
 *
 * The function it gives throws a TypeError where the argument holds no f32 tensor, or the result is no f32 scalar.
 *
 * @see [jax.grad](https://docs.jax.dev/en/latest/_autosummary/jax.grad.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const loss = ({ w, b }: { w: dd.Tensor; b: dd.Tensor }) => dd.sum(dd.add(dd.mul(w, w), b));
 * const slope = dd.grad(loss)({ w: dd.tensor([1, 2]), b: dd.tensor(3) });
 * console.log(await slope.w.data(), await slope.b.item()); // Float32Array [2, 4] 2
 * ```
 */
export function grad<Args extends readonly Tree[], const Position extends number = 0>(
  f: (...args: Args) => Tensor,
  options: GradOptions<Position> = {},
): <Given extends Args>(...args: Given) => Given[Position] {
  const { argument } = options;
  const both = valueAndGrad<Args, Position>(f, { argument });
  return (...args) => both(...args).grad;
}

/**
 * Calls a function and gives its value, a tree, and `pullback`, which carries derivatives by the value back to all
 * arguments: it takes a tree like the value, records in whatever order of their keys, and gives a tree like each
 * argument. It may be called more than once.
 *
 * `pullback` throws a RangeError where the cotangent has another structure than the value, or other shapes.
 *
 * @see [jax.vjp](https://docs.jax.dev/en/latest/_autosummary/jax.vjp.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const { value, pullback } = dd.vjp((a: dd.Tensor, b: dd.Tensor) => dd.mul(a, b), dd.tensor([1, 2]), dd.tensor([3, 4]));
 * const [byA, byB] = pullback(dd.tensor([1, 10]));
 * console.log(await value.data()); // Float32Array [3, 8]
 * console.log(await byA.data(), await byB.data()); // Float32Array [3, 40] Float32Array [1, 20]
 * ```
 */
export function vjp<Args extends readonly Tree[], Value extends Tree>(
  f: (...args: Args) => Value,
  ...args: Args
): { value: Value; pullback: (cotangent: Value) => Args };
export function vjp(
  f: (...args: readonly Tree[]) => Tree,
  ...args: readonly Tree[]
): { value: Tree; pullback: (cotangent: Tree) => readonly Tree[] } {
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
