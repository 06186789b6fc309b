import type { Grid, Kernel } from "../../../kernels/kernel.ts";
import type { TextureSize } from "../../../kernels/target.ts";
import type { Target } from "../../ops/primitive.ts";
import type { Cluster } from "../fuse/cluster.ts";
import type { Node } from "../graph/graph.ts";
import type { MemoryPlace } from "./spread.ts";

/**
 * Memory that a command uses: a node's result, with its neighbours where it lies in an arena and the command says so, the
 * scalars' common buffer, or scratch of the command's own.
 */
export type Place =
  | { readonly node: Node; readonly withNeighbours?: boolean }
  | { readonly scratch: number }
  | "scalars";

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
  /** Pieces of scratch memory: buffers of so many bytes, and textures. */
  readonly scratch: readonly (number | TextureSize)[];
}

/** What lowering must know of where results lie. */
export interface Layout {
  readonly target: Target;
  /** Whether a node is a matrix that nothing writes while the plan's function is in use. */
  isFrozen(node: Node): boolean;
  /** Elements of the arenas that a joined cluster works on. */
  joinedSize(cluster: Cluster): number;
  /** Where a node's result lies. */
  placeOf(node: Node): MemoryPlace;
  /** Position of a scalar in the common buffer, in elements; `undefined` where the node has memory of its own. */
  scalarPosition(node: Node): number | undefined;
  /** The donated leaf whose buffer a node's result takes over while the cluster that makes it reads the leaf. */
  inPlace(node: Node): Node | undefined;
}
