import {
  type FusedInput,
  type FusedOutput,
  type FusedProgram,
  type Scalar,
  typeOf,
} from "../../../kernels/fused_source.ts";
import type { Access } from "../../../kernels/kernel.ts";
import { constantBits, constantPrimitive } from "../../ops/constant.ts";
import { paramsOf } from "../../ops/primitive.ts";
import { accessOf, type OperandAccess } from "./access.ts";
import type { Layout, Place } from "./command.ts";
import { type Cluster, scatterOf } from "../fuse/cluster.ts";
import type { View } from "../../tensor/view.ts";
import { isWhole, type Node, type Operand } from "../graph/graph.ts";

/** Collects the parts of one fused kernel: every buffer and every load once. */
export class Fused {
  readonly bindings: { dtype: Scalar; access: Access }[] = [];
  readonly places: Place[] = [];
  readonly inputs: FusedInput[] = [];
  readonly inputWords: Uint32Array[] = [];
  readonly constants: Scalar[] = [];
  readonly constantWords: number[] = [];
  readonly body: string[] = [];
  readonly preludes: string[] = [];
  readonly #bindingOf = new Map<Node | "scalars", number>();
  readonly #loads = new Map<string, string>();
  readonly #values = new Map<Node, string>();
  /** The operation that makes a value, by the value's name. */
  readonly #makers = new Map<string, string>();

  /**
   * `viewOf` says how operands are seen that are not read by their own views, `columns` how many columns the results of a
   * kernel have on which this is the work.
   */
  constructor(
    readonly width: 1 | 4,
    readonly layout: Layout,
    readonly viewOf: (operand: Operand) => View = ({ view }) => view,
    readonly columns?: number,
  ) {}

  /** Whether an operand is the same in all rows of a result. */
  #isOfColumn({ mode, rank, words }: OperandAccess): boolean {
    if (this.columns === undefined) return false;
    // Words: offset, then size and stride of each axis, innermost first.
    const isSameInRows = Array.from({ length: Math.max(0, rank - 1) }, (_, i) => words[5 + 3 * i]).every((x) =>
      x === 0
    );
    return mode === "scalar" || rank > 1 && words[1] === this.columns && isSameInRows;
  }

  binding(node: Node, access: Access, dtype: Scalar = node.dtype): number {
    const key = this.layout.scalarPosition(node) === undefined ? node : "scalars";
    const known = this.#bindingOf.get(key);
    if (known !== undefined) {
      if (access === "read_write") this.bindings[known].access = access;
      return known;
    }
    this.bindings.push({ dtype, access });
    this.places.push(key === "scalars" ? key : { node });
    this.#bindingOf.set(key, this.bindings.length - 1);
    return this.bindings.length - 1;
  }

  /** Lets a result share the binding of the leaf whose buffer it takes over. */
  share(node: Node, leaf: Node): number | undefined {
    const binding = this.#bindingOf.get(leaf);
    if (binding !== undefined) {
      this.bindings[binding].access = "read_write";
      this.#bindingOf.set(node, binding);
    }
    return binding;
  }

  /** Name of a value that is read from memory or is a constant. */
  load(operand: Operand): string {
    const { node } = operand;
    const constant = paramsOf(constantPrimitive, { operation: node.primitive, params: node.params });
    if (constant) {
      const bits = constantBits(constant);
      const key = `constant ${node.dtype} ${bits}`;
      let name = this.#loads.get(key);
      if (!name) {
        name = `c${this.constants.length}`;
        this.constants.push(node.dtype);
        this.constantWords.push(bits);
        this.#loads.set(key, name);
      }
      return name;
    }
    const access: OperandAccess = accessOf(this.viewOf(operand), this.width, this.layout.scalarPosition(node) ?? 0);
    const key = `${node.id} ${access.mode} ${access.words}`;
    let name = this.#loads.get(key);
    if (!name) {
      name = `x${this.inputs.length}`;
      const { mode, rank, exact } = access;
      const isOfColumn = this.#isOfColumn(access);
      this.inputs.push({ binding: this.binding(node, "read"), dtype: node.dtype, mode, rank, exact, isOfColumn });
      this.inputWords.push(access.words);
      this.#loads.set(key, name);
    }
    return name;
  }

  /** Name of an operand's value inside the kernel. */
  value(operand: Operand): string {
    const made = isWhole(operand) ? this.#values.get(operand.node) : undefined;
    return made ?? this.load(operand);
  }

  /** Adds the expression of an element-wise node. */
  compute(node: Node, cluster: Cluster): string {
    if (cluster.scattered.has(node)) {
      const source = this.#values.get(node.inputs[0].node)!;
      this.#values.set(node, source);
      return source;
    }
    const lowering = node.primitive!.lowering;
    if (lowering.kind !== "map") throw new Error(`internal: ${node.primitive!.name} is not element-wise`);
    const args = node.inputs.map((input) => this.value(input));
    const expression = lowering.expression(args, {
      width: this.width,
      type: (dtype) => typeOf(dtype, this.width),
      index: "index",
      inputs: node.inputs.map((input) => input.node.dtype === "f16" ? "f32" : input.node.dtype),
      makers: args.map((arg) => this.#makers.get(arg)),
      output: node.dtype,
    });
    if (lowering.prelude) this.preludes.push(lowering.prelude(this.width));
    const name = `v${this.#values.size}`;
    this.body.push(`let ${name} = ${expression};`);
    this.#makers.set(name, node.primitive!.name);
    this.#values.set(node, name);
    return name;
  }

  /** Names a value that is there without being loaded or computed. */
  give(node: Node, name: string): void {
    this.#values.set(node, name);
  }

  /** The outputs of a cluster, and the words of their positions. */
  outputs(cluster: Cluster): { outputs: FusedOutput[]; words: Uint32Array[] } {
    const words: Uint32Array[] = [];
    const outputs = cluster.outputs.map((node): FusedOutput => {
      const leaf = this.layout.inPlace(node);
      const binding = (leaf && this.share(node, leaf)) ?? this.binding(node, "read_write");
      const value = this.#values.get(node)!;
      if (cluster.scattered.has(node)) {
        const { rank, exact, words: position } = accessOf(scatterOf(node)!, this.width);
        words.push(position);
        return { binding, dtype: node.dtype, value, mode: "gather", rank, exact };
      }
      const position = this.layout.scalarPosition(node);
      if (position !== undefined) words.push(Uint32Array.of(position));
      const mode = position === undefined ? "linear" : "scalar";
      return { binding, dtype: node.dtype, value, mode, rank: 0, exact: false };
    });
    return { outputs, words };
  }

  program(): FusedProgram {
    const { width, bindings, inputs, constants, body, preludes } = this;
    return { width, bindings, inputs, constants, body, preludes };
  }

  uniforms(header: readonly number[], outputs: readonly Uint32Array[]): Uint32Array {
    return Uint32Array.from([
      ...header,
      ...this.inputWords.flatMap((words) => [...words]),
      ...this.constantWords,
      ...outputs.flatMap((words) => [...words]),
    ]);
  }
}

/**
 * How joined work sees an operand that all of its parts read as it is. Joined work binds arenas whole, so that a single
 * number is found where it lies in its arena; other tensors are reached from where the first part begins.
 */
export function viewInJoined({ node, view }: Operand, layout: Layout): View {
  if (node.size !== 1 || layout.scalarPosition(node) !== undefined) return view;
  return { ...view, offset: view.offset + layout.placeOf(node).first };
}

/** What a cluster is called: by its operations. */
export function nameOf(cluster: Cluster): string {
  const names = cluster.nodes.map(({ primitive }) => primitive!.name);
  return names.length > 6 ? `${names.slice(0, 5).join("_")}_and_${names.length - 5}` : names.join("_");
}
