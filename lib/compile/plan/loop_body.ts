import type { Loop } from "../../ops/loop.ts";
import { apply, continueNodes, describeNodes, type Primitive } from "../../ops/primitive.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { buildGraph, type Node } from "../graph/graph.ts";
import type { Plan, ResultPlace } from "./plan.ts";

/** A tensor that turns carry in memory of its own: by its position in the loop, and where a turn finds the next one. */
export interface CarriedPlace {
  readonly index: number;
  readonly place: ResultPlace;
}

/** A row that turns add to a result: a tensor that they take as it is, or where they leave it. */
export type RowSource = { readonly index: number } & ({ readonly taken: Tensor } | { readonly place: ResultPlace });

/** What a turn of a loop computes, as a plan whose leaves are stand-ins. */
export interface BodyPlan {
  readonly plan: Plan;
  readonly carried: readonly CarriedPlace[];
  readonly stacked: readonly RowSource[];
}

/** An element as it is, moved to the memory of a tensor of its own. */
const movePrimitive: Primitive<{ readonly to: number }> = {
  name: "move",
  infer: ([x]) => x,
  lowering: { kind: "map", expression: ([x]) => x },
  reference: ([x]) => x.data,
};

/** What turns carry that the results need, and the graph of a turn. */
function neededOf({ body: { carry, stacked } }: Loop, outputs: readonly number[], isLeaf: (tensor: Tensor) => boolean) {
  const positions = new Map(carry.map(({ standIn }, i) => [standIn, i]));
  const needed = new Set(outputs.filter((output) => output < carry.length));
  const rows = outputs.flatMap((output) => output < carry.length ? [] : [output - carry.length]).sort((a, b) => a - b);
  while (true) {
    const carried = [...needed].sort((a, b) => a - b);
    const graph = buildGraph([...carried.map((i) => carry[i].next), ...rows.map((i) => stacked[i])], isLeaf);
    for (const { leaf } of graph.nodes) {
      const position = leaf && positions.get(leaf);
      if (position !== undefined) needed.add(position);
    }
    if (needed.size === carried.length) return { carried, rows, nodes: graph.outputs };
  }
}

/** Each tensor as one of its own, where it is none yet: a leaf, or the same as one before it. */
function apart(tensors: readonly Tensor[], nodes: readonly Node[]): Tensor[] {
  const seen = new Set<Node>();
  return tensors.map((tensor, to) => {
    const isApart = nodes[to].kind !== "leaf" && !seen.has(nodes[to]);
    seen.add(nodes[to]);
    return isApart ? tensor : continueNodes(() => describeNodes(() => apply(movePrimitive, [tensor], { to })));
  });
}

/**
 * Plans what a turn does for some of a loop's results, by their positions.
 *
 * `planTurn` plans results made of leaves; each of the first ones takes over the memory of a carried tensor.
 */
export function planBody(
  loop: Loop,
  outputs: readonly number[],
  planTurn: (
    results: readonly Tensor[],
    options: { readonly isLeaf: (tensor: Tensor) => boolean; readonly carried: readonly Tensor[] },
  ) => Plan,
): BodyPlan {
  const { carry, rows: taken, captured, stacked } = loop.body;
  const leaves = new Set([...carry.map(({ standIn }) => standIn), ...taken, ...captured]);
  const isLeaf = (tensor: Tensor) => leaves.has(tensor);
  const { carried, rows, nodes } = neededOf(loop, outputs, isLeaf);
  const next = apart(carried.map((i) => carry[i].next), nodes);
  const rowNode = (k: number) => nodes[carried.length + k];
  const made = rows.filter((_, k) => !rowNode(k).leaf);
  const plan = planTurn([...next, ...made.map((i) => stacked[i])], {
    isLeaf,
    carried: carried.map((i) => carry[i].standIn),
  });
  return {
    plan,
    carried: carried.map((index, i) => ({ index, place: plan.results[i] })),
    stacked: rows.map((index, k): RowSource => {
      const leaf = rowNode(k).leaf;
      return leaf ? { index, taken: leaf } : { index, place: plan.results[carried.length + made.indexOf(index)] };
    }),
  };
}
