import { type Epilogue, fusedEpilogue, storeResult } from "../../../kernels/epilogue.ts";
import { fusedGrid, fusedMap } from "../../../kernels/fused.ts";
import type { FusedOutput } from "../../../kernels/fused_source.ts";
import type { BufferRef } from "../../ops/primitive.ts";
import { bitsOf } from "../../tensor/dtype.ts";
import { sizeOf } from "../../tensor/shape.ts";
import { contiguous, contiguousStrides, isContiguous, type View } from "../../tensor/view.ts";
import { accessOf } from "./access.ts";
import type { Command, Layout, Lowered, Place } from "./command.ts";
import { type Cluster, kernelOf, type Part, takeApart } from "../fuse/cluster.ts";
import { Fused, nameOf, viewInJoined } from "./fused_kernel.ts";
import type { Node, Operand } from "../graph/graph.ts";
import { lowerReduce } from "./lower_reduce.ts";
import { productColumns, spreadOf, whole } from "./spread.ts";

/** The work on all parts of a joined cluster is that on the first one, for as many elements as the arena holds. */
function lowerJoined(cluster: Cluster, layout: Layout): Lowered {
  const [first] = takeApart(cluster);
  const size = layout.joinedSize(cluster);
  const firstOf = ({ tensors }: Part) => layout.placeOf(tensors[0]).first;
  const parts = [...cluster.parts!].sort((a, b) => firstOf(a) - firstOf(b));
  // What is read at other places has an axis in front that goes from part to part.
  const views = new Map(cluster.parts![0].spread.map((operand, i): [Operand, View] => {
    const found = spreadOf(parts.map(({ spread }) => spread[i]), (node) => layout.placeOf(node));
    if (!found) throw new Error("internal: what joined work reads is not spread evenly");
    const { shape, strides } = operand.view;
    const reach = shape.length === 1 ? [size / parts.length] : shape;
    return [operand, { shape: [parts.length, ...reach], strides: [found.step, ...strides], offset: found.first }];
  }));
  return lowerMap(first, layout, { size, viewOf: (operand) => views.get(operand) ?? viewInJoined(operand, layout) });
}

function lowerMap(
  cluster: Cluster,
  layout: Layout,
  { size = cluster.nodes[0].size, viewOf }: { readonly size?: number; readonly viewOf?: (operand: Operand) => View } =
    {},
): Lowered {
  const width = size === 1 ? 1 : 4;
  const fused = new Fused(width, layout, viewOf);
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
        fused.constantWords.push(bitsOf(lowering.fill?.(node.params) ?? 0, node.dtype));
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
function epilogueOf(
  cluster: Cluster,
  kernel: Node,
  { layout, width, viewOf }: {
    readonly layout: Layout;
    readonly width: 1 | 4;
    readonly viewOf?: (operand: Operand) => View;
  },
): { epilogue: Epilogue; places: Place[] } {
  const others = cluster.nodes.filter((node) => node !== kernel);
  if (others.length === 0) return { epilogue: storeResult(width), places: [{ node: kernel }] };
  const fused = new Fused(width, layout, viewOf, kernel.shape.at(-1));
  fused.give(kernel, "acc");
  for (const node of others) fused.compute(node, cluster);
  const { outputs, words } = fused.outputs(cluster);
  const uniforms = fused.uniforms([], words);
  const name = nameOf({ ...cluster, nodes: others });
  return { epilogue: fusedEpilogue(name, fused.program(), { outputs, uniforms }), places: fused.places };
}

function lowerKernel(cluster: Cluster, layout: Layout): Lowered {
  const node = kernelOf(cluster.nodes);
  const lowering = node.primitive!.lowering;
  if (lowering.kind !== "kernel") throw new Error("internal: a kernel's cluster holds something else");
  const leaf = layout.inPlace(node);
  const inPlace = leaf !== undefined && lowering.inPlace !== undefined && node.inputs[lowering.inPlace].node === leaf;
  let epiloguePlaces: readonly Place[] = [];
  const { dispatches, scratch = [] } = lowering.emit({
    inputs: node.inputs.map(({ node: input, view }) => (
      {
        view,
        dtype: input.dtype,
        isFrozen: layout.isFrozen(input),
        ...lowering.sharesMemory && layout.placeOf(input),
      }
    )),
    output: node,
    params: node.params,
    target: layout.target,
    inPlace,
    epilogue(width) {
      const { epilogue, places } = epilogueOf(cluster, node, { layout, width });
      epiloguePlaces = places;
      return epilogue;
    },
  });
  const place = (ref: BufferRef): readonly Place[] => {
    if (ref === "epilogue") return epiloguePlaces;
    if (ref === "output") return [{ node }];
    return ["input" in ref ? { node: node.inputs[ref.input].node, withNeighbours: lowering.sharesMemory } : ref];
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

/** Products that differ in their tensors alone are one, whose operands have an axis in front. */
function lowerProducts(cluster: Cluster, layout: Layout): Lowered {
  const products = cluster.products!;
  const [{ kernel: node }] = products;
  const lowering = node.primitive!.lowering;
  if (lowering.kind !== "kernel") throw new Error("internal: joined products hold something else");
  const { operands, others, results } = productColumns(products);
  const [result, ...views] = [results[0].map(whole), ...operands].map((column): View => {
    const spread = spreadOf(column, (node) => layout.placeOf(node));
    if (!spread) throw new Error("internal: joined products lie in several memories");
    const [{ view: { shape, strides } }] = column;
    return { shape: [products.length, ...shape], strides: [spread.step, ...strides], offset: spread.first };
  });
  // What all products meet at their own places begins anew with each.
  const common = new Set(others.filter((column) => new Set(column).size === 1).map(([one]) => one));
  const [distance] = result.strides;
  const viewOf = (operand: Operand): View =>
    common.has(operand.node)
      ? { shape: [products.length, distance], strides: [0, 1], offset: layout.placeOf(operand.node).first }
      : viewInJoined(operand, layout);
  const first = takeApart(cluster).find(({ nodes }) => nodes.includes(node))!;
  let epiloguePlaces: readonly Place[] = [];
  const { dispatches } = lowering.emit({
    inputs: node.inputs.map(({ node: input }, i) => ({ view: views[i], dtype: input.dtype })),
    output: node,
    result: { ...result, shape: [products.length, ...node.shape] },
    params: node.params,
    target: layout.target,
    inPlace: false,
    epilogue(width) {
      const { epilogue, places } = epilogueOf(first, node, { layout, width, viewOf });
      epiloguePlaces = places;
      return epilogue;
    },
  });
  const place = (ref: BufferRef): readonly Place[] => {
    if (ref === "epilogue") return epiloguePlaces;
    if (typeof ref === "string" || !("input" in ref)) {
      throw new Error("internal: joined products have memory of their own");
    }
    return [{ node: node.inputs[ref.input].node }];
  };
  return {
    commands: dispatches.map(({ buffers, ...rest }) => ({ ...rest, places: buffers.flatMap(place) })),
    scratch: [],
  };
}

/** Turns a cluster into dispatches. */
export function lower(cluster: Cluster, layout: Layout): Lowered {
  switch (cluster.kind) {
    case "map":
      return cluster.parts ? lowerJoined(cluster, layout) : lowerMap(cluster, layout);
    case "reduce":
      return lowerReduce(cluster, layout);
    case "place":
      return lowerPlace(cluster, layout);
    case "kernel":
      return cluster.products ? lowerProducts(cluster, layout) : lowerKernel(cluster, layout);
    case "loop":
      throw new Error("internal: a loop is many dispatches, which the plan lays out");
  }
}
