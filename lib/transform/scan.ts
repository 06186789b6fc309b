import { zeros } from "../ops/full.ts";
import { describeNodes } from "../ops/primitive.ts";
import { nextId, type Tensor } from "../tensor/tensor.ts";
import { type Tree, treeUnflatten } from "../tensor/tree.ts";
import { runLoop, standIn } from "./loops.ts";
import { countTurns, handedOn, type NamedLeaves, namedLeaves, requireThere } from "./scan_arguments.ts";

/** Options of {@linkcode scan}. */
export interface ScanOptions {
  /** How many turns there are; needed where `xs` holds no tensor. */
  readonly length?: number;
  /** Whether the first turn takes the last rows of `xs` and gives the last rows of the result; `false` by default. */
  readonly reverse?: boolean;
}

/** The body of a loop, described by what it gives for stand-ins. */
interface Description {
  /** Tensors older than this were made outside of it. */
  readonly firstId: number;
  readonly carry: readonly { readonly standIn: Tensor; readonly next: Tensor }[];
  readonly rows: readonly Tensor[];
  readonly ys: NamedLeaves;
}

type Body = (carry: Tree, x: Tree) => readonly [carry: Tree, y: Tree];

/** Calls the function once, on tensors without elements that stand for those of any turn. */
function describe(f: Body, carry: NamedLeaves, xs: NamedLeaves): Description {
  const firstId = nextId();
  return describeNodes(() => {
    const standIns = carry.leaves.map(({ shape, dtype }) => standIn(shape, dtype));
    const rows = xs.leaves.map(({ shape, dtype }) => standIn(shape.slice(1), dtype));
    const result = f(treeUnflatten(carry.structure, standIns), treeUnflatten(xs.structure, rows));
    if (!Array.isArray(result) || result.length !== 2) {
      if (result instanceof Promise) result.catch(() => {}); // what it rejects with is less telling than this
      const got = result instanceof Promise ? "is asynchronous" : "gave something else";
      throw new TypeError(`scan: ${f.name || "the function"} must give \`[carry, y]\`, and ${got}`);
    }
    const next = handedOn(result[0], carry);
    const ys = namedLeaves(result[1], "y");
    requireThere([...next, ...ys.leaves]);
    return { firstId, carry: standIns.map((one, i) => ({ standIn: one, next: next[i] })), rows, ys };
  });
}

/**
 * Runs a function as often as its input has rows: each turn takes what the one before carried and a row of each tensor of
 * `xs`, and gives `[carry, y]`. The result has the last carry, and the `y` of all turns stacked along an axis in front:
 *
 * ```text
 * for (let i = 0; i < length; i++) [carry, ys[i]] = f(carry, xs[i]);
 * ```
 *
 * Unlike that loop, `f` is called once, on tensors that stand for those of any turn, and its kernels are compiled once:
 * neither takes longer for more turns, nor does the plan of a jitted function grow. As in JAX, the carry keeps its
 * structure, shapes and dtypes; other values in it stay what they are. It composes with `grad`, `vjp`, `jit`, `vmap`,
 * `checkpoint`, `customVjp`, random keys and itself, and tensors that `f` closes over are differentiated, too.
 *
 * For derivatives the carry of every turn is kept, and the backward pass computes each turn once more from it. Where
 * `xs` holds no tensor, `undefined` say, `length` says how many turns there are; of none, the carry comes back as it
 * was, and results have no rows.
 *
 * Throws a RangeError where `length` is no whole number from 0, where tensors of `xs` have other numbers of rows, or the
 * carry that `f` gives has another structure, and a TypeError where a tensor of it has another shape or dtype, or one is
 * f16; they name the tensor by its place. `f` must not read data.
 *
 * @param f What a turn does: a function of the carry and of a row of `xs`, which gives `[carry, y]`.
 * @param init What the first turn takes, a tree.
 * @param xs What is taken row by row: a tree of tensors with the axis of turns in front.
 * @param options How many turns there are, and in which order they take the rows.
 * @returns The last carry, and a tree like `y` whose tensors have the axis of turns in front.
 *
 * @see [jax.lax.scan](https://docs.jax.dev/en/latest/_autosummary/jax.lax.scan.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const turn = (sum: dd.Tensor, x: dd.Tensor): [dd.Tensor, dd.Tensor] => [sum.add(x), sum.mul(x)];
 * const [sum, products] = dd.scan(turn, dd.tensor(1), dd.tensor([2, 3, 4]));
 * console.log(await sum.item(), await products.data()); // 10 Float32Array [2, 9, 24]
 * ```
 */
export function scan<Carry extends Tree, X extends Tree, Y extends Tree>(
  f: (carry: Carry, x: X) => readonly [carry: Carry, y: Y],
  init: Carry,
  xs: X,
  options?: ScanOptions,
): [carry: Carry, ys: Y];
export function scan(f: Body, init: Tree, xs: Tree, options: ScanOptions = {}): [carry: Tree, ys: Tree] {
  const first = namedLeaves(init, "the carry");
  const taken = namedLeaves(xs, "xs");
  const length = countTurns(taken, options.length);
  const { firstId, carry, rows, ys } = describe(f, first, taken);
  const named = (one: Tensor, value: Tensor) => ({ standIn: one, value });
  // What every turn hands on as it is, and what has no elements, need not be carried.
  const isCarried = carry.map(({ standIn, next }) => length > 0 && next !== standIn && next.size > 0);
  const isTaken = rows.map(({ size }) => size > 0);
  const isStacked = ys.leaves.map(({ size }) => length > 0 && size > 0);
  const results = length === 0 ? [] : runLoop({
    length,
    isReversed: options.reverse ?? false,
    carry: carry.map((one, i) => ({ ...one, value: first.leaves[i] })).filter((_, i) => isCarried[i]),
    rows: rows.map((row, i) => named(row, taken.leaves[i])).filter((_, i) => isTaken[i]),
    captured: [
      ...carry.map(({ standIn }, i) => named(standIn, first.leaves[i])).filter((_, i) => !isCarried[i]),
      ...rows.filter((_, i) => !isTaken[i]).map((row) => named(row, zeros(row.shape, { dtype: row.dtype }))),
    ],
    stacked: ys.leaves.filter((_, i) => isStacked[i]),
    firstId,
  });
  let position = 0;
  const last = first.leaves.map((one, i) => isCarried[i] ? results[position++] : one);
  const stacks = ys.leaves.map(({ shape, dtype }, i) =>
    isStacked[i] ? results[position++] : zeros([length, ...shape], { dtype })
  );
  return [treeUnflatten(first.structure, last), treeUnflatten(ys.structure, stacks)];
}
