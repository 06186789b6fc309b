import { type Finish, fusedFinish, storeResult } from "../../kernels/finish.ts";
import { fusedGrid, fusedMap, fusedReduce, type ReduceStyle } from "../../kernels/fused.ts";
import {
  type FusedInput,
  type FusedOutput,
  type FusedProgram,
  type Scalar,
  typeOf,
} from "../../kernels/fused_source.ts";
import { type Access, type Grid, type Kernel, linearGrid } from "../../kernels/kernel.ts";
import { constantBits, type ConstantParams } from "../ops/constant.ts";
import type { BufferRef, Target } from "../ops/primitive.ts";
import { bitsOf } from "../tensor/dtype.ts";
import { sizeOf } from "../tensor/shape.ts";
import { contiguous, contiguousStrides, isContiguous, permuteView, type View } from "../tensor/view.ts";
import { accessOf, type OperandAccess } from "./access.ts";
import { type Cluster, kernelOf, reduceAxes, reduceDirection, scatterOf } from "./fuse.ts";
import { isWhole, type Node, type Operand } from "./graph.ts";

/** Memory that a command uses: a node's result, the scalars' common buffer, or scratch of the command's own. */
export type Place = { readonly node: Node } | { readonly scratch: number } | "scalars";

/** One dispatch, before its buffers are chosen. */
export interface Command {
  readonly kernel: Kernel;
  readonly grid: Grid;
  readonly uniforms: Uint32Array;
  readonly places: readonly Place[];
  /** Multiplications and additions of a product; 0 for everything else. */
  readonly operations?: number;
}

/** What a cluster becomes. */
export interface Lowered {
  readonly commands: readonly Command[];
  /** Bytes of each piece of scratch memory. */
  readonly scratch: readonly number[];
}

/** What lowering must know of where results lie. */
export interface Layout {
  readonly target: Target;
  /** Position of a scalar in the common buffer, in elements; `undefined` where the node has memory of its own. */
  scalarPosition(node: Node): number | undefined;
  /** The donated leaf whose buffer a node's result takes over while the cluster that makes it reads the leaf. */
  inPlace(node: Node): Node | undefined;
}

/** Collects the parts of one fused kernel: every buffer and every load once. */
class Fused {
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

  constructor(readonly width: 1 | 4, readonly layout: Layout) {}

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
  load({ node, view }: Operand): string {
    if (node.kind === "constant") {
      const bits = constantBits(node.params as ConstantParams);
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
    const access: OperandAccess = accessOf(view, this.width, this.layout.scalarPosition(node) ?? 0);
    const key = `${node.id} ${access.mode} ${access.words}`;
    let name = this.#loads.get(key);
    if (!name) {
      name = `x${this.inputs.length}`;
      const { mode, rank, exact } = access;
      this.inputs.push({ binding: this.binding(node, "read"), dtype: node.dtype, mode, rank, exact });
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
      inputs: node.inputs.map((input) => input.node.dtype),
      output: node.dtype,
    });
    if (lowering.prelude) this.preludes.push(lowering.prelude(this.width));
    const name = `v${this.#values.size}`;
    this.body.push(`let ${name} = ${expression};`);
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

function nameOf(cluster: Cluster): string {
  const names = cluster.nodes.map(({ primitive }) => primitive!.name);
  return names.length > 6 ? `${names.slice(0, 5).join("_")}_and_${names.length - 5}` : names.join("_");
}

function lowerMap(cluster: Cluster, layout: Layout): Lowered {
  const { size } = cluster.nodes[0];
  const width = size === 1 ? 1 : 4;
  const fused = new Fused(width, layout);
  for (const node of cluster.nodes) fused.compute(node, cluster);
  const { outputs, words } = fused.outputs(cluster);
  const threads = Math.ceil(size / width);
  return {
    commands: [{
      kernel: fusedMap(nameOf(cluster), fused.program(), outputs),
      grid: fusedGrid(threads),
      uniforms: fused.uniforms([threads], words),
      places: fused.places,
    }],
    scratch: [],
  };
}

interface ReducePlan {
  readonly style: ReduceStyle;
  readonly width: 1 | 4;
  /** Rows or columns that remain. */
  readonly kept: number;
  readonly reduced: number;
  /** Parts of a row or column that are reduced apart, and then together. */
  readonly chunks: number;
  readonly chunk: number;
}

/** How a reduction is spread: a pure function of its sizes, so that the order of summation is, too. */
function planReduce(direction: "row" | "column", kept: number, reduced: number): ReducePlan {
  const width = (direction === "row" ? reduced : kept) % 4 === 0 ? 4 : 1;
  if (direction === "row") {
    if (reduced <= 128 && kept >= 16) return { style: "threadRow", width, kept, reduced, chunks: 1, chunk: reduced };
    const wanted = kept < 8 ? Math.min(64, Math.ceil(reduced / 8192)) : 1;
    const chunk = Math.ceil(reduced / wanted / width) * width;
    return { style: "groupRow", width, kept, reduced, chunks: Math.ceil(reduced / chunk), chunk };
  }
  const wanted = Math.max(1, Math.min(Math.ceil(reduced / 32), Math.ceil(2048 / Math.ceil(kept / width))));
  const chunk = Math.ceil(reduced / wanted);
  return { style: "column", width, kept, reduced, chunks: Math.ceil(reduced / chunk), chunk };
}

const NEUTRAL = { sum: 0, max: -Infinity, min: Infinity };

function neutralBits(combine: "sum" | "max" | "min", dtype: Scalar): number {
  if (dtype === "f32" || combine === "sum") return bitsOf(NEUTRAL[combine], dtype);
  const [low, high] = dtype === "i32" ? [-(2 ** 31), 2 ** 31 - 1] : [0, 2 ** 32 - 1];
  return bitsOf(combine === "max" ? low : high, dtype);
}

function reduceCommand(
  name: string,
  fused: Fused,
  plan: ReducePlan,
  combine: "sum" | "max" | "min",
  value: string,
  output: { binding: number; dtype: Scalar },
): Command {
  const { style, width, kept, reduced, chunks, chunk } = plan;
  const across = style === "column" ? kept / width : chunks;
  const groups = style === "column" ? chunks * across : kept * chunks;
  const header = [groups, reduced, across, chunk, neutralBits(combine, output.dtype)];
  return {
    kernel: fusedReduce(`${name}_${style}`, fused.program(), {
      combine,
      style,
      value,
      output: { ...output, value, mode: "linear", rank: 0, exact: false },
    }),
    grid: style === "groupRow" ? linearGrid(groups) : fusedGrid(groups),
    uniforms: fused.uniforms(header, [Uint32Array.of(0)]),
    places: fused.places,
  };
}

function lowerReduce(cluster: Cluster, layout: Layout): Lowered {
  const node = cluster.nodes[cluster.nodes.length - 1];
  const lowering = node.primitive!.lowering;
  if (lowering.kind !== "reduce") throw new Error("internal: a reduction's cluster ends with something else");
  const axes = reduceAxes(node);
  const [operand] = node.inputs;
  const isPrologue = cluster.nodes.length > 1;
  const direction = isWhole(operand) ? reduceDirection(operand, axes) : undefined;
  const reduced = sizeOf(axes.map((axis) => operand.view.shape[axis]));
  const plan = planReduce(direction ?? "row", node.size, reduced);
  const fused = new Fused(plan.width, layout);
  for (const part of cluster.nodes.slice(0, -1)) fused.compute(part, cluster);
  // Axes that lie between others go last in the operand's view.
  const kept = operand.view.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const seen = isPrologue || direction
    ? operand
    : { node: operand.node, view: permuteView(operand.view, [...kept, ...axes]) };
  const value = fused.value(seen);
  const name = nameOf(cluster);
  const { combine } = lowering;
  if (plan.chunks === 1) {
    const output = { binding: fused.binding(node, "read_write"), dtype: node.dtype };
    return { commands: [reduceCommand(name, fused, plan, combine, value, output)], scratch: [] };
  }
  fused.bindings.push({ dtype: node.dtype, access: "read_write" });
  fused.places.push({ scratch: 0 });
  const first = reduceCommand(name, fused, plan, combine, value, {
    binding: fused.bindings.length - 1,
    dtype: node.dtype,
  });
  // Second pass over [kept, chunks] or [chunks, kept].
  const second: ReducePlan = plan.style === "column"
    ? { ...plan, reduced: plan.chunks, chunks: 1, chunk: plan.chunks }
    : {
      style: "threadRow",
      width: plan.chunks % 4 === 0 ? 4 : 1,
      kept: plan.kept,
      reduced: plan.chunks,
      chunks: 1,
      chunk: plan.chunks,
    };
  const rest = new Fused(second.width, layout);
  rest.bindings.push({ dtype: node.dtype, access: "read" });
  rest.places.push({ scratch: 0 });
  rest.inputs.push({ binding: 0, dtype: node.dtype, mode: "linear", rank: 0, exact: false });
  rest.inputWords.push(Uint32Array.of(0));
  const output = { binding: rest.binding(node, "read_write"), dtype: node.dtype };
  return {
    commands: [first, reduceCommand(combine, rest, second, combine, "x0", output)],
    scratch: [plan.kept * plan.chunks * 4],
  };
}

/** Writes each input into its box of the output, whose strides it takes. */
function lowerPlace(cluster: Cluster, layout: Layout): Lowered {
  const [node] = cluster.nodes;
  const lowering = node.primitive!.lowering;
  if (lowering.kind !== "place") throw new Error("internal: a placement's cluster holds something else");
  const starts = lowering.starts(
    node.params,
    node.inputs.map(({ view }) => ({ shape: view.shape, dtype: node.dtype })),
  );
  const commands: Command[] = [];
  const write = (name: string, value: (fused: Fused) => string, box: View, width: 1 | 4) => {
    const fused = new Fused(width, layout);
    const result = value(fused);
    const access = accessOf(box, 1);
    const binding = fused.binding(node, "read_write");
    const isLinear = isContiguous(box) && box.offset === 0;
    const output: FusedOutput = isLinear
      ? { binding, dtype: node.dtype, value: result, mode: "linear", rank: 0, exact: false }
      : {
        binding,
        dtype: node.dtype,
        value: result,
        mode: "gather",
        rank: Math.max(1, access.rank),
        exact: access.exact,
      };
    const words = isLinear
      ? []
      : access.rank > 0
      ? [access.words]
      : [Uint32Array.of(box.offset, sizeOf(box.shape), 1, 0)];
    const threads = Math.ceil(sizeOf(box.shape) / width);
    commands.push({
      kernel: fusedMap(name, fused.program(), [output]),
      grid: fusedGrid(threads),
      uniforms: fused.uniforms([threads], words),
      places: fused.places,
    });
  };
  if (!lowering.covers(node.params)) {
    write(
      "fill",
      (fused) => {
        fused.constants.push(node.dtype);
        fused.constantWords.push(0);
        return "c0";
      },
      contiguous(node.shape),
      node.size === 1 ? 1 : 4,
    );
  }
  const strides = contiguousStrides(node.shape);
  node.inputs.forEach((input, i) => {
    if (sizeOf(input.view.shape) === 0) return;
    const offset = starts[i].reduce((sum, start, axis) => sum + start * strides[axis], 0);
    write(node.primitive!.name, (fused) => fused.load(input), { shape: input.view.shape, strides, offset }, 1);
  });
  return { commands, scratch: [] };
}

/** What a kernel does with its results: the cluster's element-wise work, for a width. */
function finishOf(cluster: Cluster, kernel: Node, layout: Layout, width: 1 | 4): { finish: Finish; places: Place[] } {
  const others = cluster.nodes.filter((node) => node !== kernel);
  if (others.length === 0) return { finish: storeResult(width), places: [{ node: kernel }] };
  const fused = new Fused(width, layout);
  fused.give(kernel, "acc");
  for (const node of others) fused.compute(node, cluster);
  const { outputs, words } = fused.outputs(cluster);
  const uniforms = fused.uniforms([], words);
  const name = nameOf({ ...cluster, nodes: others });
  return { finish: fusedFinish(name, fused.program(), { outputs, uniforms }), places: fused.places };
}

function lowerKernel(cluster: Cluster, layout: Layout): Lowered {
  const node = kernelOf(cluster.nodes);
  const lowering = node.primitive!.lowering;
  if (lowering.kind !== "kernel") throw new Error("internal: a kernel's cluster holds something else");
  const leaf = layout.inPlace(node);
  const inPlace = leaf !== undefined && lowering.inPlace !== undefined && node.inputs[lowering.inPlace].node === leaf;
  let finishPlaces: readonly Place[] = [];
  const { dispatches, scratch = [] } = lowering.emit({
    inputs: node.inputs.map(({ node: input, view }) => ({ view, dtype: input.dtype })),
    output: node,
    params: node.params,
    target: layout.target,
    inPlace,
    finish(width) {
      const { finish, places } = finishOf(cluster, node, layout, width);
      finishPlaces = places;
      return finish;
    },
  });
  const place = (ref: BufferRef): readonly Place[] => {
    if (ref === "finish") return finishPlaces;
    if (ref === "output") return [{ node }];
    return ["input" in ref ? { node: node.inputs[ref.input].node } : ref];
  };
  return {
    commands: dispatches.map(({ kernel, grid, uniforms, buffers, operations }) => ({
      kernel,
      grid,
      uniforms,
      operations,
      places: buffers.flatMap(place),
    })),
    scratch,
  };
}

/** Turns a cluster into dispatches. */
export function lower(cluster: Cluster, layout: Layout): Lowered {
  switch (cluster.kind) {
    case "map":
      return lowerMap(cluster, layout);
    case "reduce":
      return lowerReduce(cluster, layout);
    case "place":
      return lowerPlace(cluster, layout);
    case "kernel":
      return lowerKernel(cluster, layout);
  }
}
