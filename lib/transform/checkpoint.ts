import { controlDependency, type Group, groupPrimitive, mark } from "../ops/identity.ts";
import { apply, holdNodes, paramsOf, primitiveOf } from "../ops/primitive.ts";
import { idOf, nextId, stateOf, type Tensor } from "../tensor/tensor.ts";
import { type Tree, treeFlatten, treeUnflatten } from "../tensor/tree.ts";
import { makeGroup } from "./custom_vjp.ts";
import { type NodeState, pullBack, record } from "./differentiate.ts";

/** What a function computed: its nodes in order, as they were then, and what they take from outside. */
interface Region {
  /** A node that is computed before the backward pass forgets what made it: the state is kept beside it. */
  readonly nodes: readonly { readonly node: Tensor; readonly state: NodeState }[];
  readonly boundary: readonly Tensor[];
}

function regionOf(outputs: readonly Tensor[], firstId: number): Region {
  const nodes = new Map<Tensor, NodeState>();
  const boundary = new Set<Tensor>();
  const stack = [...outputs];
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (nodes.has(node) || boundary.has(node)) continue;
    const state = stateOf(node);
    if (idOf(node) < firstId || state.kind !== "node") {
      boundary.add(node);
      continue;
    }
    nodes.set(node, state);
    stack.push(...state.inputs);
    // The rule of a group takes all its outputs, also those that nobody needs.
    stack.push(...paramsOf(groupPrimitive, state)?.group.outputs ?? []);
  }
  return {
    nodes: Array.from(nodes, ([node, state]) => ({ node, state })).sort((a, b) => idOf(a.node) - idOf(b.node)),
    boundary: [...boundary].sort((a, b) => idOf(a) - idOf(b)),
  };
}

/** The same computation on other inputs. */
function replay(region: Region, inputs: readonly Tensor[], outputs: readonly Tensor[]): Tensor[] {
  const copies = new Map<Tensor, Tensor>(region.boundary.map((node, i) => [node, inputs[i]]));
  const twins = new Map<Group, Group>();
  for (const { node, state } of region.nodes) {
    const parts = state.inputs.map((input) => copies.get(input)!);
    const group = paramsOf(groupPrimitive, state)?.group;
    if (group) {
      // A group's rule speaks of its own outputs: the copy gets a group of its own with the same rule.
      const twin = twins.get(group) ?? { outputs: [], backward: group.backward };
      twins.set(group, twin);
      const copy = apply(groupPrimitive, parts, { group: twin });
      twin.outputs.push(copy);
      copies.set(node, copy);
    } else {
      copies.set(node, apply(primitiveOf(state), parts, state.params));
    }
  }
  return outputs.map((output) => copies.get(output)!);
}

/**
 * Gives the same function with derivatives that take less memory: what it computes on the way is not kept for the
 * backward pass but computed once more there ([Chen et al. 2016](https://arxiv.org/abs/1604.06174)). Tensors that the
 * function closes over are differentiated, too.
 *
 * @see [jax.checkpoint](https://docs.jax.dev/en/latest/_autosummary/jax.checkpoint.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const layer = dd.checkpoint((x: dd.Tensor) => x.mul(2).tanh().sum());
 * console.log(await dd.grad(layer)(dd.tensor([0, 1])).data()); // ≈ Float32Array [2, 0.1413]
 * ```
 */
export function checkpoint<Args extends readonly Tree[], Value extends Tree>(
  f: (...args: Args) => Value,
): (...args: Args) => Value {
  return (...args) => {
    const firstId = nextId();
    const { leaves, structure, region } = holdNodes(() => {
      const flat = treeFlatten(f(...args));
      return { ...flat, region: regionOf(flat.leaves, firstId) };
    });
    const results = makeGroup(leaves, region.boundary, (cotangents, sources) => {
      const given = cotangents.filter((part) => part !== undefined);
      // The control dependency keeps the compiler from taking the recomputation for what it already has.
      const tape = holdNodes(() => {
        const inputs = sources.map((node) => mark(controlDependency(node, given[0])));
        return record(replay(region, inputs, leaves), inputs);
      });
      return pullBack(tape, cotangents);
    });
    return treeUnflatten(structure, results);
  };
}
