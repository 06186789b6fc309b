import { where } from "../ops/mod.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type Tree, treeMap } from "../tensor/tree.ts";

/** The keys and shapes of a tree in words, the same in whatever order records hold them. */
function outline(tree: Tree): string {
  if (tree instanceof Tensor) return `[${tree.shape}]`;
  if (Array.isArray(tree)) return `(${tree.map(outline)})`;
  if (typeof tree !== "object" || tree === null) return "";
  return `{${Object.keys(tree).sort().map((key) => `${JSON.stringify(key)}${outline(tree[key])}`)}}`;
}

/** What {@linkcode keepUnstepped} chooses between. */
export interface UnsteppedOptions {
  /** The parameters that are stepped. */
  readonly params: Tree;
  /** State of an optimizer after a step. */
  readonly next: Tree;
  /** Its state before the step. */
  readonly before: Tree;
}

/**
 * State of an optimizer after a step that only some elements of the parameters took: those where `mask`, a tree like the
 * parameters of bools that broadcast to them, is true. What the state holds for the others keeps its bits, by select and
 * not by arithmetic. Counts go on, so that the bias correction of Adam is that of the run, as in PyTorch's `SparseAdam`.
 */
export function keepUnstepped(mask: Tree, { params, next, before }: UnsteppedOptions): Tree {
  const own = outline(params);
  const choose = (now: Tree, old: Tree): Tree => {
    if (outline(now) === own) return treeMap((a, b, m) => where(m, a, b), now, old, mask);
    if (now instanceof Tensor || typeof now !== "object" || now === null) return now;
    if (Array.isArray(now)) return now.map((part, i) => choose(part, old[i]));
    return Object.fromEntries(Object.keys(now).map((key) => [key, choose(now[key], old[key])]));
  };
  return choose(next, before);
}
