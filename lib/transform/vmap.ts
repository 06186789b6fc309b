import "../ops/methods.ts"; // batching rules are written with them
import { overCells } from "../ops/batching.ts";
import { holdNodes } from "../ops/primitive.ts";
import { requireCount } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Structure, type Tree, treeFlatten, treeUnflatten } from "../tensor/tree.ts";
import { type Axes, axesOf, moveAxis, requireAxis } from "./axes.ts";
import { Cells } from "./cells.ts";

/** Options of {@linkcode vmap}. */
export interface VmapOptions {
  /** The axis of each argument that goes from cell to cell: one for all arguments, or a list with axes of each; 0 by default. */
  readonly in?: number | readonly Axes[];
  /** The axis of each result along which cells lie, 0 by default; `undefined` for what all cells share. */
  readonly out?: Axes;
  /** How many cells there are; needed only where all arguments are shared. */
  readonly size?: number;
}

interface Leaf {
  readonly tensor: Tensor;
  readonly path: string;
  /** Counted from the front; `undefined` where cells share it. */
  readonly axis: number | undefined;
}

/** The leaves of an argument with their axes. */
function leavesOf(structure: Structure, leaves: readonly Tensor[], axes: Axes, path: string): Leaf[] {
  return axesOf(structure, axes, path).map(({ axis, path }, i) => {
    const tensor = leaves[i];
    return {
      tensor,
      path,
      axis: axis === undefined ? undefined : requireAxis(axis, tensor.rank, { path, shape: tensor.shape }),
    };
  });
}

/** How many cells there are. Throws a RangeError where leaves, or the size asked for, do not agree, or none says so. */
function countCells(leaves: readonly Leaf[], size: number | undefined): number {
  const named = size === undefined ? undefined : { count: requireCount("vmap", "the size", size), path: "`size`" };
  const counts = leaves.flatMap(({ tensor, axis, path }) =>
    axis === undefined ? [] : [{ count: tensor.shape[axis], path: `axis ${axis} of ${path}` }]
  );
  const [first, ...others] = named ? [named, ...counts] : counts;
  if (first === undefined) {
    throw new RangeError("vmap: no argument has an axis from cell to cell: name one in `in`, or give the `size`");
  }
  const other = others.find(({ count }) => count !== first.count);
  if (other) {
    throw new RangeError(`vmap: ${other.path} has ${other.count} cells, and ${first.path} ${first.count}`);
  }
  return first.count;
}

/** A result of all cells, with their axis where it is asked for. */
function resultOf(one: Tensor, cells: Cells, { axis, path }: { axis: number | undefined; path: string }): Tensor {
  const { tensor, isMapped } = cells.of(one);
  if (axis === undefined) {
    if (!isMapped) return tensor;
    throw new RangeError(`vmap: ${path} is another one in each cell: give it an axis in \`out\``);
  }
  const all = isMapped ? tensor : overCells(tensor, cells.count);
  return moveAxis(all, 0, requireAxis(axis, all.rank, { path, shape: all.shape }));
}

/**
 * Turns a function of one cell into one of many: as if it were called for each position along an axis of its arguments and
 * its results were stacked, but by operations that compute all cells at once. Shared arguments stay shared: the product of
 * each cell's rows with one matrix is one product. As in JAX's `vmap`, it composes with `grad`, `jit`, `checkpoint`,
 * `customVjp` and itself; a random key that is mapped gives each cell numbers of its own, a shared one the same.
 *
 * The function must not read data. The function that it gives throws a RangeError, which names the tensor by its place,
 * where an axis is not there, or axes have different lengths.
 *
 * @param f The function of one cell, of trees.
 * @param options Which axes go from cell to cell, and where results have theirs.
 * @returns A function of the same trees, whose mapped tensors have one axis more.
 *
 * @see [jax.vmap](https://docs.jax.dev/en/latest/_autosummary/jax.vmap.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const line = (w: dd.Tensor, x: dd.Tensor) => dd.sum(dd.mul(w, x));
 * const slopes = dd.vmap(dd.grad(line), { in: [undefined, 0] }); // w is shared
 * console.log(await slopes(dd.tensor([1, 2]), dd.tensor([[3, 4], [5, 6]])).data()); // Float32Array [3, 4, 5, 6]
 * ```
 */
export function vmap<Args extends readonly Tree[], Value extends Tree>(
  f: (...args: Args) => Value,
  options?: VmapOptions,
): (...args: Args) => Value;
export function vmap(
  f: (...args: readonly Tree[]) => Tree,
  options: VmapOptions = {},
): (...args: readonly Tree[]) => Tree {
  const { in: from = 0 } = options;
  const to: Axes = "out" in options ? options.out : 0;
  return (...args) => {
    if (typeof from === "object" && from.length > args.length) {
      throw new RangeError(`vmap: \`in\` has axes of ${from.length} arguments, and there are ${args.length}`);
    }
    const flat = args.map((arg) => treeFlatten(arg));
    const leaves = flat.map(({ leaves, structure }, i) =>
      leavesOf(structure, leaves, typeof from === "object" ? from[i] : from, `argument ${i}`)
    );
    const cells = new Cells(countCells(leaves.flat(), options.size));
    return holdNodes(() => {
      const given = flat.map(({ structure }, i) =>
        treeUnflatten(
          structure,
          leaves[i].map(({ tensor, axis }) => axis === undefined ? tensor : cells.place(moveAxis(tensor, axis, 0))),
        )
      );
      const value = f(...given);
      if (value instanceof Promise) {
        value.catch(() => {}); // what it rejects with is less telling than this
        throw new TypeError(
          `vmap: ${f.name || "the function"} is asynchronous: it must not wait for data, nor call what jit() gave`,
        );
      }
      const { leaves: ones, structure } = treeFlatten(value);
      const places = axesOf(structure, to, "the result");
      cells.compute(ones);
      return treeUnflatten(structure, ones.map((one, i) => resultOf(one, cells, places[i])));
    });
  };
}
