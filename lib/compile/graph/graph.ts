import { mulPrimitive } from "../../ops/arithmetic.ts";
import { broadcastPrimitive } from "../../ops/broadcast.ts";
import { packHalfPrimitive } from "../../ops/cast.ts";
import { constantPrimitive } from "../../ops/constant.ts";
import { paramsOf, type Primitive, primitiveOf } from "../../ops/primitive.ts";
import { reshapePrimitive } from "../../ops/reshape.ts";
import type { DType } from "../../tensor/dtype.ts";
import { type Shape, sizeOf } from "../../tensor/shape.ts";
import type { TensorState } from "../../tensor/state.ts";
import { idOf, stateOf, type Tensor } from "../../tensor/tensor.ts";
import { contiguous, isContiguous, type View } from "../../tensor/view.ts";
import { paramsKey } from "./params_key.ts";

/** What a node is to the compiler. */
export type NodeKind = "leaf" | "constant" | "map" | "reduce" | "place" | "kernel" | "loop";

/** A value seen through a view. */
export interface Operand {
  readonly node: Node;
  readonly view: View;
}

/** One computation, or a leaf; shape changes are views on its operands. Its own result is whole and row-major. */
export interface Node {
  /** Position in topological order. */
  readonly id: number;
  readonly kind: NodeKind;
  readonly primitive: Primitive | undefined;
  readonly params: unknown;
  readonly inputs: readonly Operand[];
  readonly shape: Shape;
  readonly dtype: DType;
  readonly size: number;
  /** The tensor of a leaf. */
  readonly leaf: Tensor | undefined;
  /** Values that must be computed before. */
  readonly controlDependencies: readonly Node[];
}

/** A computation with its views resolved, common parts shared, and what nobody needs left out. */
export interface Graph {
  readonly nodes: readonly Node[];
  readonly outputs: readonly Node[];
}

/** The element itself: a copy, when it is alone. */
export const copyPrimitive: Primitive<undefined> = {
  name: "copy",
  infer: ([x]) => x,
  lowering: { kind: "map", expression: ([x]) => x },
  reference: ([x]) => x.data,
};

/** The number that a tensor holds everywhere, where it is known while compiling. */
function constantOf(tensor: Tensor): number | undefined {
  const state = stateOf(tensor);
  if (state.kind !== "node") return undefined;
  const constant = paramsOf(constantPrimitive, state);
  if (constant) return constant.value;
  const isView = state.operation === broadcastPrimitive || state.operation === reshapePrimitive;
  return isView ? constantOf(state.inputs[0]) : undefined;
}

interface Located extends Operand {
  readonly controlDependencies: readonly Node[];
}

/** What a node's value is made of. A view's further inputs order the work, and are no reason to do any. */
function operandsOf(state: Extract<TensorState, { kind: "node" }>): readonly Tensor[] {
  return primitiveOf(state).lowering.kind === "view" ? state.inputs.slice(0, 1) : state.inputs;
}

/** Whether a view reads a value as it lies, whatever its shape. */
export function isWhole({ node, view }: Operand): boolean {
  return view.offset === 0 && sizeOf(view.shape) === node.size && isContiguous(view);
}

class Builder {
  readonly nodes: Node[] = [];
  readonly #located = new Map<Tensor, Located>();
  readonly #shared = new Map<string, Node>();
  /** The one tensor that is made of another, where there is just one and the other is no result. */
  readonly #soleUse = new Map<Tensor, Tensor | undefined>();
  /** Multiplications that became part of what they multiply. */
  readonly #absorbed = new Set<Tensor>();
  /** Named so, or empty: there is nothing to compute of a tensor without elements. */
  readonly isLeaf: (tensor: Tensor) => boolean;

  constructor(isLeaf: (tensor: Tensor) => boolean) {
    this.isLeaf = (tensor) => tensor.size === 0 || isLeaf(tensor);
  }

  #noteUses(tensors: readonly Tensor[], outputs: readonly Tensor[]): void {
    for (const tensor of tensors) {
      const state = stateOf(tensor);
      if (state.kind !== "node" || this.isLeaf(tensor)) continue;
      for (const input of state.inputs) {
        this.#soleUse.set(input, this.#soleUse.has(input) ? undefined : tensor);
      }
    }
    for (const output of outputs) this.#soleUse.set(output, undefined);
  }

  /** The constant by which a value is multiplied before anything else is done with it. */
  #soleFactor(value: Tensor): { readonly factor: number; readonly product: Tensor } | undefined {
    let inner = value;
    for (let use = this.#soleUse.get(inner); use; use = this.#soleUse.get(inner)) {
      const state = stateOf(use);
      if (state.kind !== "node" || this.isLeaf(use)) return undefined;
      if (state.operation === mulPrimitive) {
        const other = state.inputs[0] === inner ? state.inputs[1] : state.inputs[0];
        const factor = constantOf(other);
        return factor === undefined || inner.size !== use.size ? undefined : { factor, product: use };
      }
      if (primitiveOf(state).lowering.kind !== "view" || state.inputs.length > 1) return undefined;
      inner = use;
    }
    return undefined;
  }

  /** All tensors that a result needs, inputs first. */
  #collect(outputs: readonly Tensor[]): Tensor[] {
    const found = new Set<Tensor>();
    const stack = [...outputs];
    for (let tensor = stack.pop(); tensor; tensor = stack.pop()) {
      if (found.has(tensor)) continue;
      found.add(tensor);
      const state = stateOf(tensor);
      if (state.kind === "node" && !this.isLeaf(tensor)) stack.push(...operandsOf(state));
    }
    return [...found].sort((a, b) => idOf(a) - idOf(b));
  }

  #node(part: Omit<Node, "id" | "size">, key?: string): Node {
    const known = key === undefined ? undefined : this.#shared.get(key);
    if (known) return known;
    const node: Node = { ...part, id: this.nodes.length, size: sizeOf(part.shape) };
    this.nodes.push(node);
    if (key !== undefined) this.#shared.set(key, node);
    return node;
  }

  /** A node that holds the elements of a view in row-major order; those of f16 as f32, which every kernel reads. */
  copy(operand: Located): Located {
    const { node, view, controlDependencies } = operand;
    if (sizeOf(view.shape) === 0) return { node, view: contiguous(view.shape), controlDependencies: [] };
    const key = `copy|${node.id}|${view.offset}|${view.shape}|${view.strides}|${
      controlDependencies.map(({ id }) => id)
    }`;
    const copied = this.#node({
      kind: "map",
      primitive: copyPrimitive,
      params: undefined,
      inputs: [{ node, view }],
      shape: view.shape,
      dtype: node.dtype === "f16" ? "f32" : node.dtype,
      leaf: undefined,
      controlDependencies,
    }, key);
    return { node: copied, view: contiguous(view.shape), controlDependencies: [] };
  }

  /** {@linkcode copy}, as f16 again where that is asked for. */
  #copyAs(operand: Located, dtype: DType): Located {
    const copied = this.copy(operand);
    if (dtype !== "f16" || copied.node.size === 0) return copied;
    const node = this.#node({
      kind: "kernel",
      primitive: packHalfPrimitive,
      params: undefined,
      inputs: [{ node: copied.node, view: contiguous(copied.node.shape) }],
      shape: copied.node.shape,
      dtype: "f16",
      leaf: undefined,
      controlDependencies: [],
    }, `packHalf|${copied.node.id}`);
    return { ...copied, node };
  }

  #place(tensor: Tensor): Located {
    const { shape, dtype } = tensor;
    const state = stateOf(tensor);
    if (state.kind !== "node" || this.isLeaf(tensor)) {
      const leaf = this.#node({
        kind: "leaf",
        primitive: undefined,
        params: undefined,
        inputs: [],
        shape,
        dtype,
        leaf: tensor,
        controlDependencies: [],
      });
      return { node: leaf, view: contiguous(shape), controlDependencies: [] };
    }
    const primitive = primitiveOf(state);
    const inputs = state.inputs.flatMap((input) => this.#located.get(input) ?? []);
    if (this.#absorbed.has(tensor)) return inputs.find(({ node }) => node.kind !== "constant")!;
    const { lowering } = primitive;
    let params = state.params;
    if (lowering.kind === "kernel" && lowering.scaled) {
      const scaling = this.#soleFactor(tensor);
      if (scaling) {
        params = lowering.scaled(params, scaling.factor);
        this.#absorbed.add(scaling.product);
      }
    }
    if (lowering.kind === "view") {
      const [source, ...others] = inputs;
      const controlDependencies = [
        ...source.controlDependencies,
        ...others.map(({ node }) => node).filter(({ kind }) => kind !== "leaf" && kind !== "constant"),
      ];
      const view = lowering.view(source.view, state.params, tensor);
      if (view) {
        return {
          node: source.node,
          view,
          controlDependencies: primitive.name === "group" ? source.controlDependencies : controlDependencies,
        };
      }
      const { node } = this.copy(source);
      return { node, view: contiguous(shape), controlDependencies: [] };
    }
    const operands: Located[] = inputs.map((input, i) => {
      if (lowering.kind === "map" || lowering.kind === "reduce" || lowering.kind === "place") return input;
      const { dtype } = state.inputs[i];
      const [isHalf, isGivenHalf] = [input.node.dtype, dtype].map((one) => one === "f16");
      const isLoop = lowering.kind === "loop";
      // A kernel of its own reads f16 only where it is given f16; the body of a loop, traced with it, reads nothing else.
      const isStored = isLoop ? isHalf === isGivenHalf : !isHalf || isGivenHalf;
      const accepted = input.node.kind !== "constant" && isStored &&
        (lowering.kind === "kernel" && lowering.accepts
          ? lowering.accepts(i, inputs.map(({ view }) => view), params)
          : isWhole(input));
      if (accepted) return input;
      return isLoop ? this.#copyAs(input, dtype) : this.copy(input);
    });
    const controlDependencies = [...new Set(operands.flatMap((operand) => operand.controlDependencies))];
    const key = [
      primitive.name,
      paramsKey(params),
      dtype,
      shape,
      ...operands.map(({ node, view }) => `${node.id}:${view.offset}:${view.shape}:${view.strides}`),
      ...controlDependencies.map(({ id }) => id),
    ].join("|");
    const node = this.#node({
      kind: lowering.kind,
      primitive,
      params,
      inputs: operands.map(({ node, view }) => ({ node, view })),
      shape,
      dtype,
      leaf: undefined,
      controlDependencies,
    }, key);
    return { node, view: contiguous(shape), controlDependencies: [] };
  }

  build(outputs: readonly Tensor[]): Graph {
    const tensors = this.#collect(outputs);
    this.#noteUses(tensors, outputs);
    for (const tensor of tensors) this.#located.set(tensor, this.#place(tensor));
    const results = outputs.map((tensor) => {
      const located = this.#located.get(tensor)!;
      const { node } = located;
      const stands = node.kind !== "constant" && isWhole(located) &&
        (node.dtype === "f16") === (tensor.dtype === "f16");
      if (stands || tensor.size === 0) return node;
      return this.#copyAs(located, tensor.dtype).node;
    });
    return { nodes: this.nodes, outputs: results };
  }
}

/** Builds the graph of the given results. `isLeaf` names tensors that are taken as they are. */
export function buildGraph(outputs: readonly Tensor[], isLeaf: (tensor: Tensor) => boolean = () => false): Graph {
  return new Builder(isLeaf).build(outputs);
}
