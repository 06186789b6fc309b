import { constantPrimitive } from "../../ops/constant.ts";
import { type Loop, type LoopParams, loopPrimitive } from "../../ops/loop.ts";
import { paramsOf } from "../../ops/primitive.ts";
import { sameShape } from "../../tensor/shape.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { contiguous } from "../../tensor/view.ts";
import type { Cluster } from "../fuse/cluster.ts";
import { copyPrimitive, type Node } from "../graph/graph.ts";
import type { Layout } from "../lower/command.ts";
import { lower } from "../lower/lower.ts";
import type { BufferName, Step } from "./plan.ts";

function paramsOfNode(node: Node): LoopParams {
  const params = paramsOf(loopPrimitive, { operation: node.primitive, params: node.params });
  if (!params) throw new Error("internal: a loop's cluster holds something else");
  return params;
}

/** The results of a loop that are needed, which the same turns compute. */
export class LoopCluster {
  readonly loop: Loop;
  /** Their positions. */
  readonly outputs: readonly number[];
  readonly #inputs: readonly Node[];
  readonly #nodes: ReadonlyMap<number, Node>;

  constructor(cluster: Cluster, readonly layout: Layout) {
    const [first] = cluster.nodes;
    this.loop = paramsOfNode(first).loop;
    this.#inputs = first.inputs.map(({ node }) => node);
    this.#nodes = new Map(cluster.outputs.map((node) => [paramsOfNode(node).output, node]));
    this.outputs = [...this.#nodes.keys()];
  }

  /** An input's node. */
  input(position: number): Node {
    return this.#inputs[position];
  }

  /** The node of a result; `undefined` where nobody needs it. */
  node(output: number): Node | undefined {
    return this.#nodes.get(output);
  }

  /** Whether the loop takes a node once alone. */
  takesOnce(node: Node): boolean {
    return this.#inputs.filter((input) => input === node).length === 1;
  }

  /** Whether what the turns take by this stand-in is the same from call to call. */
  isFrozen(standIn: Tensor): boolean {
    const position = this.loop.body.captured.indexOf(standIn);
    if (position < 0) return false;
    const node = this.#inputs[this.loop.inputOfCaptured(position)];
    return this.layout.isFrozen(node) && sameShape(node.shape, standIn.shape);
  }

  /** Steps that fill memory with elements that lie elsewhere, or with zeros. */
  fill(to: BufferName, { shape, dtype, size }: Tensor, { from, cluster }: {
    readonly from?: BufferName;
    readonly cluster: number;
  }): Step[] {
    const common = { id: 0, shape, dtype, size, leaf: undefined, controlDependencies: [], inputs: [] };
    const source: Node = from
      ? { ...common, kind: "leaf", primitive: undefined, params: undefined }
      : { ...common, kind: "constant", primitive: constantPrimitive, params: { value: 0, dtype } };
    const copy: Node = {
      ...common,
      id: 1,
      kind: "map",
      primitive: copyPrimitive,
      params: undefined,
      inputs: [{ node: source, view: contiguous(shape) }],
    };
    const { commands } = lower({ kind: "map", nodes: [copy], outputs: [copy], scattered: new Set() }, this.layout);
    return commands.map(({ kernel, grid, uniforms, places }): Step => ({
      kernel,
      grid,
      uniforms,
      buffers: places.map((place) =>
        from && place !== "scalars" && "node" in place && place.node === source ? from : to
      ),
      operations: 0,
      cluster,
      contents: places.map(() => undefined),
    }));
  }
}
