import { type Finish, fusedFinish, storeResult } from "../../kernels/finish.ts";
import { fusedGrid, fusedMap } from "../../kernels/fused.ts";
import type { FusedOutput } from "../../kernels/fused_source.ts";
import type { BufferRef } from "../ops/primitive.ts";
import { sizeOf } from "../tensor/shape.ts";
import { contiguous, contiguousStrides, isContiguous, type View } from "../tensor/view.ts";
import { accessOf } from "./access.ts";
import { takeApart } from "./arenas.ts";
import type { Command, Layout, Lowered, Place } from "./command.ts";
import { type Cluster, kernelOf } from "./fuse.ts";
import { Fused, nameOf } from "./fused.ts";
import type { Node } from "./graph.ts";
import { lowerReduce } from "./lower_reduce.ts";

/** The work on all parts of a joined cluster is that on the first one, for as many elements as the arena holds. */
function lowerJoined(cluster: Cluster, layout: Layout): Lowered {
  const [first] = takeApart(cluster);
  return lowerMap(first, layout, layout.joinedSize(cluster));
}

function lowerMap(cluster: Cluster, layout: Layout, size = cluster.nodes[0].size): Lowered {
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
    inputs: node.inputs.map(({ node: input, view }) => (
      { view, dtype: input.dtype, isFrozen: layout.isFrozen(input) }
    )),
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
      return cluster.parts ? lowerJoined(cluster, layout) : lowerMap(cluster, layout);
    case "reduce":
      return lowerReduce(cluster, layout);
    case "place":
      return lowerPlace(cluster, layout);
    case "kernel":
      return lowerKernel(cluster, layout);
  }
}
