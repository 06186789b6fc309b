import { overCells } from "../ops/batching.ts";
import { controlDependencyPrimitive, type Group, groupPrimitive } from "../ops/identity.ts";
import { apply, continueNodes, holdNodes, paramsOf, primitiveOf } from "../ops/primitive.ts";
import { formatShape } from "../tensor/shape.ts";
import { goneOf, idOf, makeTensor, stateOf, type Tensor } from "../tensor/tensor.ts";
import type { NodeState } from "./differentiate.ts";

/** A tensor of one cell as it is of all: with the axis of cells in front where it is mapped, else shared by them. */
export interface OfCells {
  readonly tensor: Tensor;
  readonly isMapped: boolean;
}

/**
 * What tensors of one cell are of all cells. A function is run once, on tensors that stand for those of any one cell; then
 * the nodes that it made are made again by their batching rules, for all cells at once.
 */
export class Cells {
  readonly #known = new Map<Tensor, OfCells>();
  readonly #twins = new Map<Group, Group>();
  /** Nothing older depends on a cell. */
  #oldest = Infinity;

  /** @param count How many cells there are. @param outer Where else tensors may be known. */
  constructor(readonly count: number, readonly outer?: Cells) {}

  /** A tensor that stands for one cell's part of a tensor with the axis of cells in front. It has no elements. */
  place(all: Tensor): Tensor {
    const one = makeTensor(all.shape.slice(1), all.dtype, { kind: "argument", index: 0 });
    this.#set(one, { tensor: all, isMapped: true });
    return one;
  }

  /** What a tensor of one cell is of all. Those that do not depend on a cell are shared. */
  of(one: Tensor): OfCells {
    return this.#find(one) ?? { tensor: one, isMapped: false };
  }

  /** Makes all that tensors of one cell are made of again, for all cells. */
  compute(outputs: readonly Tensor[]): void {
    for (const output of outputs) {
      const gone = this.#find(output) ? undefined : goneOf(output);
      if (gone === undefined) continue;
      throw new Error(`vmap: a result of shape ${formatShape(output.shape)} was ${gone} before it was returned`);
    }
    continueNodes(() => {
      for (const { node, state } of this.#nodesBefore(outputs)) this.#computeNode(node, state);
    });
  }

  #find(one: Tensor): OfCells | undefined {
    const known = this.#known.get(one);
    return known ?? (this.outer ? this.outer.#find(one) : undefined);
  }

  #set(one: Tensor, all: OfCells): void {
    this.#known.set(one, all);
    this.#oldest = Math.min(this.#oldest, idOf(one));
  }

  #oldestOfAll(): number {
    return Math.min(this.#oldest, this.outer ? this.outer.#oldestOfAll() : Infinity);
  }

  /** Nodes that may depend on a cell, the oldest first. */
  #nodesBefore(outputs: readonly Tensor[]): { readonly node: Tensor; readonly state: NodeState }[] {
    const found: { node: Tensor; state: NodeState }[] = [];
    const seen = new Set<Tensor>();
    const oldest = this.#oldestOfAll();
    const stack = [...outputs];
    for (let node = stack.pop(); node; node = stack.pop()) {
      // Inputs are older than what is made of them.
      if (seen.has(node) || idOf(node) < oldest || this.#find(node)) continue;
      seen.add(node);
      const state = stateOf(node);
      if (state.kind !== "node") continue;
      found.push({ node, state });
      stack.push(...state.inputs);
      // The rule of a group takes all its outputs, also those that nobody needs.
      stack.push(...paramsOf(groupPrimitive, state)?.group.outputs ?? []);
    }
    return found.sort((a, b) => idOf(a.node) - idOf(b.node));
  }

  #computeNode(node: Tensor, state: NodeState): void {
    const inputs = state.inputs.map((input) => this.of(input));
    const group = paramsOf(groupPrimitive, state)?.group;
    if (group) return this.#computeGroup(node, { group, inputs });
    if (!state.inputs.some((input) => this.#find(input))) return;
    const tensors = inputs.map(({ tensor }) => tensor);
    const isMapped = inputs.map((input) => input.isMapped);
    const primitive = primitiveOf(state);
    const { params } = state;
    // What waits for a cell is not of a cell: a shared weight stays shared where it is computed with again.
    const isShared = !isMapped.includes(true) || state.operation === controlDependencyPrimitive && !isMapped[0];
    if (isShared) return this.#set(node, { tensor: apply(primitive, tensors, params), isMapped: false });
    if (!primitive.batch) throw new Error(`internal: ${primitive.name} has no batching rule`);
    const tensor = primitive.batch({ inputs: tensors, isMapped, cells: this.count, params });
    this.#set(node, { tensor, isMapped: true });
  }

  /** An output of a group becomes one of a group of all cells, whose rule is the group's own for all of them. */
  #computeGroup(node: Tensor, { group, inputs }: { group: Group; inputs: readonly OfCells[] }): void {
    let twin = this.#twins.get(group);
    if (!twin) {
      const isOfCells = group.outputs.some((output) => {
        const state = stateOf(output);
        return state.kind === "node" && state.inputs.some((input) => this.#find(input));
      });
      if (!isOfCells) return;
      twin = { outputs: [], backward: this.#backward(group, inputs.slice(1)) };
      this.#twins.set(group, twin);
    }
    const isMapped = this.#differs(group);
    const [value, ...sources] = inputs.map((input) => input.tensor);
    const all = isMapped && !inputs[0].isMapped ? overCells(value, this.count) : value;
    const tensor = apply(groupPrimitive, [all, ...sources], { group: twin });
    twin.outputs.push(tensor);
    this.#set(node, { tensor, isMapped });
  }

  /** Whether a group's rule is another call in each cell. Then outputs that cells share get a cotangent of each cell, too. */
  #differs(group: Group): boolean {
    return group.outputs.some((output) => {
      const state = stateOf(output);
      return state.kind === "node" && state.inputs.some((input) => this.of(input).isMapped);
    });
  }

  #backward(group: Group, sources: readonly OfCells[]): Group["backward"] {
    return (cotangents, given) => {
      // What the rule closes over, such as residuals, is known here.
      const inner = new Cells(this.count, this);
      const outputs = group.outputs.map((output) => this.of(output));
      const slopes = cotangents.map((all, i) => all && outputs[i].isMapped ? inner.place(all) : all);
      const ones = given.map((all, i) => sources[i].isMapped ? inner.place(all) : all);
      const results = holdNodes(() => group.backward(slopes, ones));
      inner.compute(results.filter((result) => result !== undefined));
      const isOfCells = outputs.some(({ isMapped }) => isMapped);
      return results.map((result, i) => {
        if (!result) return undefined;
        const { tensor, isMapped } = inner.of(result);
        // Computed once for all, of what all share.
        if (!isMapped && !isOfCells && !sources[i].isMapped) return tensor;
        const all = isMapped ? tensor : overCells(tensor, this.count);
        // Each cell adds its part to the derivative by what they share.
        return sources[i].isMapped ? all : all.sum({ axis: 0 });
      });
    };
  }
}
