import { batchOne, overCells } from "../ops/batching.ts";
import { controlDependencyPrimitive, type Group, groupPrimitive } from "../ops/identity.ts";
import { type Carried, Loop, type LoopParams, loopPrimitive } from "../ops/loop.ts";
import { apply, continueNodes, describeNodes, holdNodes, paramsOf, primitiveOf } from "../ops/primitive.ts";
import { allocate } from "../tensor/dtype.ts";
import { formatShape } from "../tensor/shape.ts";
import { goneOf, idOf, makeTensor, stateOf, type Tensor } from "../tensor/tensor.ts";
import { moveAxis } from "./axes.ts";
import type { NodeState } from "./differentiate.ts";

/** A tensor of one cell as it is of all: with the axis of cells in front where it is mapped, else shared by them. */
export interface OfCells {
  readonly tensor: Tensor;
  readonly isMapped: boolean;
}

/** A loop whose turns compute all cells, and which of its carry, then of what it stacks, goes from cell to cell. */
interface LoopOfCells {
  readonly loop: Loop;
  readonly isMapped: readonly boolean[];
}

/** Loops of cells by what they were made of: results of one loop stay results of one. */
const loopsOfCells = new WeakMap<Loop, Map<string, LoopOfCells>>();

/** A tensor of one cell as it is of none. */
function ofNoCells({ shape, dtype }: Tensor): Tensor {
  return makeTensor([0, ...shape], dtype, { kind: "host", data: allocate(dtype, 0) });
}

/**
 * What tensors of one cell are of all cells. A function is run once, on tensors that stand for those of any one cell; then
 * the nodes that it made are made again by their batching rules, for all cells at once.
 */
export class Cells {
  readonly #known = new Map<Tensor, OfCells>();
  readonly #twins = new Map<Group, Group>();
  readonly #differing = new Map<Group, boolean>();
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

  /** Lets a tensor of one cell be one of all cells, which has their axis in front. */
  know(one: Tensor, all: Tensor): void {
    this.#set(one, { tensor: all, isMapped: true });
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
    const loop = paramsOf(loopPrimitive, state);
    if (loop && inputs.some(({ isMapped }) => isMapped)) return this.#computeLoop(node, loop, inputs);
    if (!state.inputs.some((input) => this.#find(input))) return;
    const tensors = inputs.map(({ tensor }) => tensor);
    const isMapped = inputs.map((input) => input.isMapped);
    const primitive = primitiveOf(state);
    const { params } = state;
    // What waits for a cell is not of a cell: a shared weight stays shared where it is computed with again.
    const isShared = !isMapped.includes(true) || state.operation === controlDependencyPrimitive && !isMapped[0];
    if (isShared) return this.#set(node, { tensor: apply(primitive, tensors, params), isMapped: false });
    // No cells have no elements, whatever the operation.
    if (this.count === 0) return this.#set(node, { tensor: ofNoCells(node), isMapped: true });
    if (!primitive.batch) throw new Error(`internal: ${primitive.name} has no batching rule`);
    const site = { inputs: tensors, isMapped, cells: this.count, params };
    this.#set(node, { tensor: this.count === 1 ? batchOne(primitive, site) : primitive.batch(site), isMapped: true });
  }

  /** A result of a loop becomes one of a loop whose turns compute all cells. */
  #computeLoop(node: Tensor, { loop, output }: LoopParams, inputs: readonly OfCells[]): void {
    const { carry, rows } = loop.body;
    const all = loopOfCells(loop, this.count, inputs.map(({ isMapped }) => isMapped));
    const given = inputs.map(({ tensor }) => tensor);
    carry.forEach((_, i) => {
      const input = loop.inputOfCarry(i);
      if (input === undefined || !all.isMapped[i] || inputs[input].isMapped) return;
      given[input] = overCells(given[input], this.count);
    });
    // Rows of all cells: the axis of the loop comes first.
    rows.forEach((_, i) => {
      const input = loop.inputOfRow(i);
      if (inputs[input].isMapped) given[input] = moveAxis(given[input], 0, 1);
    });
    const [result] = all.loop.apply(given, [output]);
    const isMapped = all.isMapped[output];
    const isStacked = output >= carry.length;
    this.#set(node, { tensor: isMapped && isStacked ? moveAxis(result, 1, 0) : result, isMapped });
  }

  /** An output of a group becomes one of a group of all cells, whose rule is the group's own for all of them. */
  #computeGroup(node: Tensor, { group, inputs }: { group: Group; inputs: readonly OfCells[] }): void {
    let twin = this.#twins.get(group);
    if (!twin) {
      const isOfCells = group.outputs.some((output) => {
        const state = stateOf(output);
        return state.kind === "node" && state.inputs.some((input) => this.#find(input));
      });
      if (!isOfCells && !this.#differs(group)) return;
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
    const known = this.#differing.get(group);
    if (known !== undefined) return known;
    const states = group.outputs.map(stateOf).filter((state) => state.kind === "node");
    const isMapped = states.some(({ inputs }) => inputs.some((input) => this.of(input).isMapped));
    const differs = isMapped || this.#closesOverCell(group, states[0].inputs.slice(1));
    this.#differing.set(group, differs);
    return differs;
  }

  /** Whether a group's rule, called on what all cells share, gives what differs from cell to cell: it closes over that. */
  #closesOverCell(group: Group, sources: readonly Tensor[]): boolean {
    const oldest = this.#oldestOfAll();
    const standIn = ({ shape, dtype }: Tensor) => makeTensor(shape, dtype, { kind: "argument", index: 0 });
    let results: ReturnType<Group["backward"]>;
    try {
      results = describeNodes(() => group.backward(group.outputs.map(standIn), sources));
    } catch {
      // A rule may refuse to be differentiated, which nothing has asked for yet. Where that is done, it is called again and
      // throws the same.
      return false;
    }
    const seen = new Set<Tensor>();
    const stack = results.filter((result) => result !== undefined);
    for (let node = stack.pop(); node; node = stack.pop()) {
      if (this.#find(node)?.isMapped) return true;
      if (seen.has(node) || idOf(node) < oldest) continue;
      seen.add(node);
      const state = stateOf(node);
      if (state.kind === "node") stack.push(...state.inputs);
    }
    return false;
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

/** The loop whose turns compute all cells, where these inputs are mapped. */
function loopOfCells(loop: Loop, count: number, isMapped: readonly boolean[]): LoopOfCells {
  const known = loopsOfCells.get(loop) ?? new Map<string, LoopOfCells>();
  loopsOfCells.set(loop, known);
  const key = `${count} ${isMapped}`;
  let found = known.get(key);
  if (!found) known.set(key, found = describeNodes(() => makeLoopOfCells(loop, count, isMapped)));
  return found;
}

function makeLoopOfCells(loop: Loop, count: number, isMapped: readonly boolean[]): LoopOfCells {
  const { carry, rows, captured, stacked } = loop.body;
  const ofCells = (one: Tensor) => makeTensor([count, ...one.shape], one.dtype, { kind: "argument", index: 0 });
  const all = new Map<Tensor, Tensor>();
  carry.forEach(({ standIn }, i) => {
    const input = loop.inputOfCarry(i);
    if (input !== undefined && isMapped[input]) all.set(standIn, ofCells(standIn));
  });
  rows.forEach((row, i) => isMapped[loop.inputOfRow(i)] && all.set(row, ofCells(row)));
  captured.forEach((tensor, i) => isMapped[loop.inputOfCaptured(i)] && all.set(tensor, ofCells(tensor)));
  while (true) {
    const cells = new Cells(count);
    for (const [one, tensor] of all) cells.know(one, tensor);
    cells.compute([...carry.map(({ next }) => next), ...stacked]);
    // What is carried is of a cell from the first turn on where any turn makes it so.
    const late = carry.filter(({ standIn, next }) => !all.has(standIn) && cells.of(next).isMapped);
    for (const { standIn } of late) all.set(standIn, ofCells(standIn));
    if (late.length > 0) continue;
    const body = {
      ...loop.body,
      carry: carry.map(({ standIn, next, isGiven }): Carried => {
        const { tensor, isMapped } = cells.of(next);
        const isOfCells = all.has(standIn);
        return {
          standIn: all.get(standIn) ?? standIn,
          next: isOfCells && !isMapped ? overCells(tensor, count) : tensor,
          isGiven,
        };
      }),
      rows: rows.map((row) => all.get(row) ?? row),
      captured: captured.map((tensor) => all.get(tensor) ?? tensor),
      stacked: stacked.map((row) => cells.of(row).tensor),
    };
    const carried = carry.map(({ standIn }) => all.has(standIn));
    return { loop: new Loop(body), isMapped: [...carried, ...stacked.map((row) => cells.of(row).isMapped)] };
  }
}
