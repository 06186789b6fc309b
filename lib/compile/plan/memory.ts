import type { TextureSize } from "../../../kernels/target.ts";
import type { Arena } from "./arena.ts";
import type { Node } from "../graph/graph.ts";
import type { Cluster } from "../fuse/cluster.ts";

/** Scalars lie four elements apart, so that each is reached with an aligned offset. */
const SCALAR_SPACING = 4;

/** Memory of a plan's own: how large each piece is. */
export class Memory {
  /** Bytes of each slot. */
  readonly slots: number[] = [];
  /** Elements of the scalars' common buffer. */
  scalars = 0;
  readonly #free: number[] = [];

  /** A slot of at least so many bytes that is not in use. */
  take(bytes: number): number {
    const rounded = Math.max(256, Math.ceil(bytes / 256) * 256);
    let best = -1;
    this.#free.forEach((slot, i) => {
      const size = this.slots[slot];
      const fits = size >= rounded && size <= 2 * rounded;
      if (fits && (best < 0 || size < this.slots[this.#free[best]])) best = i;
    });
    return best >= 0 ? this.#free.splice(best, 1)[0] : this.takeNew(rounded);
  }

  /** A slot of so many bytes that nothing was in before. */
  takeNew(bytes: number): number {
    this.slots.push(Math.max(256, Math.ceil(bytes / 256) * 256));
    return this.slots.length - 1;
  }

  /** Frees a slot for what runs later. */
  give(slot: number): void {
    this.#free.push(slot);
  }

  /** A place in the scalars' buffer. */
  scalar(): number {
    const position = this.scalars;
    this.scalars += SCALAR_SPACING;
    return position;
  }
}

/** Slots of arenas of temporary tensors: taken with the first of them, given back with the last. */
export class SharedSlots {
  readonly #slots = new Map<Arena, { readonly slot: number; rest: number }>();

  constructor(readonly memory: Memory) {}

  /** Makes sure that an arena has a slot. */
  take(arena: Arena): void {
    if (this.#slots.has(arena)) return;
    this.#slots.set(arena, { slot: this.memory.take(arena.bytes), rest: arena.offsets.size });
  }

  /** The slot of an arena. */
  slot(arena: Arena): number {
    return this.#slots.get(arena)!.slot;
  }

  /** Gives one of an arena's tensors up. */
  give(arena: Arena): void {
    const taken = this.#slots.get(arena)!;
    if (--taken.rest === 0) this.memory.give(taken.slot);
  }
}

/** Textures into which operands are packed. Each is read by the very next dispatch, so that one of a size is enough. */
export class PackedTextures {
  /** Their sizes. */
  readonly sizes: TextureSize[] = [];

  /** The texture of a size. */
  of([width, height]: TextureSize): number {
    const known = this.sizes.findIndex((size) => size[0] === width && size[1] === height);
    return known >= 0 ? known : this.sizes.push([width, height]) - 1;
  }
}

/** For each cluster, the results that nobody reads after it. */
export function lastUses(clusters: readonly Cluster[], keep: ReadonlySet<Node>): Node[][] {
  const last = new Map<Node, number>();
  clusters.forEach((cluster, position) => {
    for (const node of cluster.outputs) last.set(node, position);
    for (const node of cluster.nodes) for (const { node: input } of node.inputs) last.set(input, position);
  });
  const dying: Node[][] = clusters.map(() => []);
  for (const [node, position] of last) if (!keep.has(node)) dying[position].push(node);
  return dying;
}
