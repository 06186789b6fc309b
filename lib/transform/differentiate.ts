import { add } from "../ops/arithmetic.ts";
import { zerosLike } from "../ops/constant.ts";
import { type Group, groupPrimitive, mark } from "../ops/control.ts";
import { primitiveOf } from "../ops/primitive.ts";
import { Tensor } from "../tensor/tensor.ts";

/** The inputs through which derivatives flow. */
function flowInputs(node: Tensor): readonly Tensor[] {
  const { state } = node;
  if (state.kind !== "node") return [];
  return state.operation === groupPrimitive ? state.inputs.slice(1) : state.inputs;
}

/** The nodes that lie between the sources and the outputs: what depends on a source. */
function between(outputs: readonly Tensor[], sources: readonly Tensor[]): Set<Tensor> {
  const depends = new Set<Tensor>(sources);
  const oldest = sources.reduce((id, source) => Math.min(id, source.id), Infinity);
  const seen = new Set<Tensor>();
  const found: Tensor[] = [];
  const stack = [...outputs];
  for (let node = stack.pop(); node; node = stack.pop()) {
    // Inputs are older than what is made of them: nothing older than the sources can depend on one.
    if (seen.has(node) || node.id < oldest) continue;
    seen.add(node);
    found.push(node);
    stack.push(...flowInputs(node));
  }
  found.sort((a, b) => a.id - b.id);
  for (const node of found) if (flowInputs(node).some((input) => depends.has(input))) depends.add(node);
  return depends;
}

/**
 * Derivatives of outputs by sources, by reverse accumulation over the graph: for each source the sum over outputs of
 * cotangent · ∂output/∂source, or `undefined` where no output depends on it. Sources must be nodes of their own.
 */
export function pullBack(
  outputs: readonly Tensor[],
  cotangents: readonly (Tensor | undefined)[],
  sources: readonly Tensor[],
): (Tensor | undefined)[] {
  const active = between(outputs, sources);
  const gathered = new Map<Tensor, Tensor>();
  const accumulate = (node: Tensor, cotangent: Tensor | undefined) => {
    if (!cotangent || node.dtype !== "f32" || !active.has(node)) return;
    const known = gathered.get(node);
    gathered.set(node, known ? add(known, cotangent) : cotangent);
  };
  outputs.forEach((output, i) => accumulate(output, cotangents[i]));
  const isSource = new Set(sources);
  const waiting = new Map<Group, (Tensor | undefined)[]>();
  const groups = [...active].flatMap((node) => groupOf(node) ?? []);
  const reached = new Set(groups);
  const order = [...active].filter((node) => !isSource.has(node)).sort((a, b) => b.id - a.id);
  for (const group of reached) {
    // The first output of a group is its oldest: by then all others have what they get.
    if (!active.has(group.outputs[0])) order.push(group.outputs[0]);
  }
  order.sort((a, b) => b.id - a.id);
  for (const node of order) {
    const { state } = node;
    if (state.kind !== "node") continue;
    const cotangent = gathered.get(node);
    const group = groupOf(node);
    if (group) {
      const parts = waiting.get(group) ?? new Array<Tensor | undefined>(group.outputs.length).fill(undefined);
      parts[group.outputs.indexOf(node)] = cotangent;
      waiting.set(group, parts);
      if (node !== group.outputs[0] || parts.every((part) => part === undefined)) continue;
      const results = group.backward(parts);
      state.inputs.slice(1).forEach((input, i) => accumulate(input, results[i]));
      continue;
    }
    if (!cotangent) continue;
    const primitive = primitiveOf(state);
    const { inputs, params } = state;
    const needs = inputs.map((input) => active.has(input) && input.dtype === "f32");
    if (primitive.vjp) {
      const results = primitive.vjp({ inputs, output: node, params, cotangent, needs });
      inputs.forEach((input, i) => accumulate(input, needs[i] ? results[i] : undefined));
    } else if (primitive.decompose) {
      const marked = inputs.map(mark);
      const results = pullBack([primitive.decompose(marked, params)], [cotangent], marked);
      inputs.forEach((input, i) => accumulate(input, needs[i] ? results[i] : undefined));
    } else {
      throw new Error(`${primitive.name}: has no derivative; wrap its input in stopGradient() if it needs none`);
    }
  }
  return sources.map((source) => gathered.get(source));
}

function groupOf(node: Tensor): Group | undefined {
  const { state } = node;
  if (state.kind !== "node" || state.operation !== groupPrimitive) return undefined;
  return (state.params as { group: Group }).group;
}

/** Derivatives with zeros in place of none. */
export function orZeros(derivatives: readonly (Tensor | undefined)[], like: readonly Tensor[]): Tensor[] {
  return derivatives.map((derivative, i) => derivative ?? zerosLike(like[i]));
}
