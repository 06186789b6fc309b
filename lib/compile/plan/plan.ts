import type { Kernel } from "../../../kernels/kernel.ts";
import type { TextureSize } from "../../../kernels/target.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Cluster } from "../fuse/cluster.ts";
import type { Node } from "../graph/graph.ts";
import type { Command } from "../lower/command.ts";
import type { Arena } from "./arena.ts";
import type { Repeat } from "./repeat.ts";

/** A buffer of a plan: a leaf's, one of its own slots, or the scalars' common one. */
export type BufferName =
  | { readonly leaf: number }
  | { readonly slot: number; readonly range?: { readonly offset: number; readonly bytes: number } }
  | "scalars"
  /** All leaves of an arena at once. */
  | { readonly arena: number }
  /** The texture that holds a copy of a leaf. */
  | { readonly texture: number }
  /** A texture of the plan's own, into which operands are packed. */
  | { readonly packed: number };

/** One dispatch with its buffers named. */
export interface Step {
  readonly kernel: Kernel;
  readonly grid: Command["grid"];
  readonly uniforms: Uint32Array;
  readonly buffers: readonly BufferName[];
  /** Multiplications and additions of a product or a factorization; 0 for everything else. */
  readonly operations: number;
  /** The work that it is a part of, by its position in the plan's list. */
  readonly cluster: number;
  /** What lies in each buffer: a result or a leaf, several side by side, or nothing that has a name. */
  readonly contents: readonly (Node | Arena | undefined)[];
  /** Bytes that it reads, and that it writes, where that is a row of what lies there. */
  readonly rowBytes?: number;
}

/** Donated leaves that must lie side by side. */
export interface LeafArena {
  readonly bytes: number;
  readonly leaves: readonly { readonly leaf: number; readonly offset: number }[];
}

/** Where a result is found after the steps ran. */
export type ResultPlace =
  /** The result is a leaf, untouched. */
  | { readonly kind: "leaf"; readonly leaf: number }
  /** The result was written into the buffer of a donated leaf. */
  | { readonly kind: "donated"; readonly leaf: number }
  /** The result must be copied from a slot into the buffer of a donated leaf. */
  | { readonly kind: "copied"; readonly leaf: number; readonly slot: number }
  | { readonly kind: "slot"; readonly slot: number };

/** A computation ready to be encoded: what runs, on which memory. It knows no device. */
export interface Plan {
  readonly leaves: readonly Tensor[];
  readonly arenas: readonly LeafArena[];
  readonly steps: readonly Step[];
  /** Which steps run more than once, in order. */
  readonly repeats: readonly Repeat[];
  /** Bytes of each slot. */
  readonly slots: readonly number[];
  /** Sizes of the textures into which operands are packed. */
  readonly packed: readonly TextureSize[];
  /** Elements of the scalars' buffer. */
  readonly scalars: number;
  readonly results: readonly ResultPlace[];
  /** What was fused, in the order in which it runs. */
  readonly clusters: readonly Cluster[];
}
