import type { Cluster } from "./fuse.ts";
import type { Node } from "./graph.ts";

/** What lies side by side begins at multiples of so many bytes: what every adapter allows as an offset. */
const GRAIN = 256;

/** So many bytes, and those up to where the next tensor begins. */
export function wholeGrains(bytes: number): number {
  return Math.ceil(bytes / GRAIN) * GRAIN;
}

/** Below what every adapter allows for a binding. */
const MAX_BYTES = 2 ** 26;

/** Tensors that lie side by side in one buffer, so that one dispatch works on all of them. */
export interface Arena {
  readonly bytes: number;
  /** First byte of each; in the order in which they lie. */
  readonly offsets: ReadonlyMap<Node, number>;
  /** Whether they are donated leaves, whose memory the caller brings; the others are temporary. */
  readonly isOfLeaves: boolean;
}

/** Clusters, some of which were taken apart again, and where the tensors of the others lie. */
export interface ArenaLayout {
  readonly clusters: readonly Cluster[];
  readonly arenas: readonly Arena[];
  readonly arenaOf: ReadonlyMap<Node, Arena>;
}

/** The parts of a joined cluster one by one; another cluster as it is. */
export function takeApart(cluster: Cluster): Cluster[] {
  if (!cluster.parts) return [cluster];
  return cluster.parts.map(({ nodes }) => {
    const members = new Set(nodes);
    return { ...cluster, nodes, outputs: cluster.outputs.filter((node) => members.has(node)), parts: undefined };
  });
}

/** Tensors that have the same place in all parts of a cluster, in the order of the parts. */
type Column = readonly Node[];

/**
 * The columns of a joined cluster, each once; `undefined` where a result lies in the memory of what it is made of in some
 * parts alone, or a tensor has two places.
 */
function columnsOf({ parts = [] }: Cluster, homeOf: (node: Node) => Node): Column[] | undefined {
  const rows = parts.map(({ tensors }) => tensors.map(homeOf));
  const columns = new Map<Node, Column>();
  rows[0].forEach((first, i) => {
    if (!columns.has(first)) columns.set(first, rows.map((row) => row[i]));
  });
  const agree = rows[0].every((first, i) => rows.every((row, part) => columns.get(first)![part] === row[i]));
  const all = [...columns.values()].flat();
  return agree && new Set(all).size === all.length ? [...columns.values()] : undefined;
}

/** Puts tensors side by side in the order of the parts, or in that in which some columns lie already. */
class ArenaBuilder {
  readonly arenas: Arena[] = [];
  readonly arenaOf = new Map<Node, Arena>();

  /** Whether all columns could be laid alike. */
  lay(columns: readonly Column[]): boolean {
    const known = columns.find(([first]) => this.arenaOf.has(first));
    const order = known ? this.#orderOf(known) : columns[0].map((_, part) => part);
    if (!order) return false;
    const offsets = new Map<number, number>();
    let bytes = 0;
    for (const part of order) {
      offsets.set(part, bytes);
      bytes += wholeGrains(columns[0][part].size * 4);
    }
    if (bytes > MAX_BYTES || !columns.every((column) => this.#agrees(column, offsets))) return false;
    for (const column of columns) {
      if (this.arenaOf.has(column[0])) continue;
      const places = new Map(order.map((part) => [column[part], offsets.get(part)!]));
      const arena: Arena = { bytes, offsets: places, isOfLeaves: column[0].leaf !== undefined };
      this.arenas.push(arena);
      for (const node of column) this.arenaOf.set(node, arena);
    }
    return true;
  }

  /** The order of the parts in which a column lies; `undefined` where it does not fill its arena. */
  #orderOf(column: Column): number[] | undefined {
    const arena = this.arenaOf.get(column[0])!;
    const offsets = column.map((node) => arena.offsets.get(node));
    if (arena.offsets.size !== column.length || offsets.includes(undefined)) return undefined;
    return column.map((_, part) => part).sort((a, b) => offsets[a]! - offsets[b]!);
  }

  /** Whether a column lies at these offsets, or may still be laid there: leaves and temporary tensors apart. */
  #agrees(column: Column, offsets: ReadonlyMap<number, number>): boolean {
    const arena = this.arenaOf.get(column[0]);
    const isOfLeaves = column[0].leaf !== undefined;
    return (!arena || arena.offsets.size === column.length) &&
      column.every((node, part) =>
        this.arenaOf.get(node) === arena && (!arena || arena.offsets.get(node) === offsets.get(part)) &&
        (node.leaf !== undefined) === isOfLeaves
      );
  }
}

/**
 * Lays the tensors of joined clusters side by side: those that have the same place in all parts make an arena. A cluster
 * is taken apart where a tensor would have to lie in two places, or must have memory of its own.
 *
 * `homeOf` says whose memory a node's result takes, itself or a donated leaf; `isFree` whether that may be an arena's.
 */
export function layArenas(
  clusters: readonly Cluster[],
  { homeOf, isFree }: { readonly homeOf: (node: Node) => Node; readonly isFree: (home: Node) => boolean },
): ArenaLayout {
  const builder = new ArenaBuilder();
  // Those with the most parts first: the others are worth less.
  const joined = clusters.filter(({ parts }) => parts).sort((a, b) => b.parts!.length - a.parts!.length);
  const laid = new Set(joined.filter((cluster) => {
    const columns = columnsOf(cluster, homeOf);
    return columns?.flat().every(isFree) && builder.lay(columns);
  }));
  return {
    clusters: clusters.flatMap((cluster) => laid.has(cluster) ? [cluster] : takeApart(cluster)),
    arenas: builder.arenas,
    arenaOf: builder.arenaOf,
  };
}
