import "../ops/methods.ts"; // derivatives are written with them
import { add } from "../ops/arithmetic.ts";
import { zerosLike } from "../ops/full.ts";
import { type Group, groupPrimitive, mark } from "../ops/identity.ts";
import { continueNodes, holdNodes, paramsOf, primitiveOf } from "../ops/primitive.ts";
import { isFloat } from "../tensor/dtype.ts";
import { formatShape } from "../tensor/shape.ts";
import type { TensorState } from "../tensor/state.ts";
import { goneOf, idOf, stateOf, type Tensor } from "../tensor/tensor.ts";

/** What makes a node. */
export type NodeState = Extract<TensorState, { kind: "node" }>;

/** The part of a graph through which derivatives flow from sources to outputs, as it was when it was recorded. */
export interface Tape {
  readonly outputs: readonly Tensor[];
  readonly sources: readonly Tensor[];
  /** Everything that depends on a source. */
  readonly active: ReadonlySet<Tensor>;
  /** Active nodes, the youngest first. */
  readonly nodes: readonly { readonly node: Tensor; readonly state: NodeState }[];
}

/** The inputs through which derivatives flow. */
function flowInputs(state: NodeState): readonly Tensor[] {
  return state.operation === groupPrimitive ? state.inputs.slice(1) : state.inputs;
}

function groupOf(state: NodeState): Group | undefined {
  return paramsOf(groupPrimitive, state)?.group;
}

/**
 * Records what lies between sources and outputs. Sources must be nodes of their own.
 *
 * Throws where an output was disposed of: what it was made of is not known any more.
 */
export function record(outputs: readonly Tensor[], sources: readonly Tensor[]): Tape {
  for (const output of outputs) {
    const gone = goneOf(output);
    if (gone !== undefined) {
      throw new Error(
        `cannot differentiate a result of shape ${formatShape(output.shape)}: it was ${gone} before it was returned`,
      );
    }
  }
  const active = new Set<Tensor>(sources);
  const oldest = sources.reduce((id, source) => Math.min(id, idOf(source)), Infinity);
  const seen = new Set<Tensor>();
  const found: { node: Tensor; state: NodeState }[] = [];
  const stack = [...outputs];
  for (let node = stack.pop(); node; node = stack.pop()) {
    // Inputs are older than what is made of them: nothing older than the sources can depend on one.
    if (seen.has(node) || idOf(node) < oldest) continue;
    seen.add(node);
    const state = stateOf(node);
    if (state.kind !== "node") continue;
    found.push({ node, state });
    stack.push(...flowInputs(state));
    // All outputs of a group are differentiated together, by the oldest.
    const group = groupOf(state);
    if (group) stack.push(group.outputs[0]);
  }
  found.sort((a, b) => idOf(a.node) - idOf(b.node));
  for (const { node, state } of found) if (flowInputs(state).some((input) => active.has(input))) active.add(node);
  const isSource = new Set(sources);
  const nodes = found.filter(({ node }) => active.has(node) && !isSource.has(node)).reverse();
  return { outputs, sources, active, nodes };
}

/**
 * Derivatives of recorded outputs by their sources, by reverse accumulation: for each source the sum over outputs of
 * cotangent · ∂output/∂source, or `undefined` where no output depends on it.
 */
export function pullBack(tape: Tape, cotangents: readonly (Tensor | undefined)[]): (Tensor | undefined)[] {
  return continueNodes(() => accumulateBack(tape, cotangents));
}

function accumulateBack(
  { outputs, sources, active, nodes }: Tape,
  cotangents: readonly (Tensor | undefined)[],
): (Tensor | undefined)[] {
  const gathered = new Map<Tensor, Tensor>();
  const accumulate = (node: Tensor, cotangent: Tensor | undefined) => {
    if (!cotangent || !isFloat(node.dtype) || !active.has(node)) return;
    const known = gathered.get(node);
    gathered.set(node, known ? add(known, cotangent) : cotangent);
  };
  outputs.forEach((output, i) => accumulate(output, cotangents[i]));
  const waiting = new Map<Group, (Tensor | undefined)[]>();
  for (const { node, state } of nodes) {
    const cotangent = gathered.get(node);
    const group = groupOf(state);
    if (group) {
      const parts = waiting.get(group) ?? new Array<Tensor | undefined>(group.outputs.length).fill(undefined);
      parts[group.outputs.indexOf(node)] = cotangent;
      waiting.set(group, parts);
      if (node !== group.outputs[0] || parts.every((part) => part === undefined)) continue;
      const groupSources = flowInputs(state);
      const results = group.backward(parts, groupSources);
      groupSources.forEach((input, i) => accumulate(input, results[i]));
      continue;
    }
    if (!cotangent) continue;
    const primitive = primitiveOf(state);
    const { inputs, params } = state;
    const needs = inputs.map((input) => active.has(input) && isFloat(input.dtype));
    if (primitive.vjp) {
      const results = primitive.vjp({ inputs, output: node, params, cotangent, needs });
      inputs.forEach((input, i) => accumulate(input, needs[i] ? results[i] : undefined));
    } else if (primitive.decompose) {
      const decompose = primitive.decompose.bind(primitive);
      const tape = holdNodes(() => {
        const marked = inputs.map(mark);
        return record([decompose(marked, params)], marked);
      });
      const results = pullBack(tape, [cotangent]);
      inputs.forEach((input, i) => accumulate(input, needs[i] ? results[i] : undefined));
    } else {
      throw new Error(`${primitive.name}: has no derivative; wrap its input in stopGradient() if it needs none`);
    }
  }
  return sources.map((source) => gathered.get(source));
}

/** Derivatives with zeros in place of none. */
export function orZeros(derivatives: readonly (Tensor | undefined)[], like: readonly Tensor[]): Tensor[] {
  return derivatives.map((derivative, i) => derivative ?? zerosLike(like[i]));
}
