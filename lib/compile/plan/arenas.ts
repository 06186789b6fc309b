import { byOperand } from "../fuse/horizontal_products.ts";
import { type Cluster, takeApart } from "../fuse/cluster.ts";
import type { Node } from "../graph/graph.ts";
import type { Arena } from "./arena.ts";
import { ArenaBuilder, type BufferOwners, type Column } from "./arena_builder.ts";

/** Clusters, some of which were taken apart again, and where the tensors of the others lie. */
export interface ArenaLayout {
  readonly clusters: readonly Cluster[];
  readonly arenas: readonly Arena[];
  readonly arenaOf: ReadonlyMap<Node, Arena>;
}

/**
 * The columns of a joined cluster, each once; `undefined` where a result lies in the memory of what it is made of in some
 * parts alone, or a tensor has two places.
 */
function columnsOf({ parts = [] }: Cluster, ownerOf: (node: Node) => Node): Column[] | undefined {
  const rows = parts.map(({ tensors }) => tensors.map(ownerOf));
  const columns = new Map<Node, Column>();
  rows[0].forEach((first, i) => {
    if (!columns.has(first)) columns.set(first, rows.map((row) => row[i]));
  });
  const agree = rows[0].every((first, i) => rows.every((row, part) => columns.get(first)![part] === row[i]));
  const all = [...columns.values()].flat();
  return agree && new Set(all).size === all.length ? [...columns.values()] : undefined;
}

/** Products that one dispatch can reach as one cluster; else those with a common operand as one, or each alone. */
function joinProducts(builder: ArenaBuilder, cluster: Cluster, owners: BufferOwners): Cluster[] {
  const products = cluster.products!;
  const ordered = builder.layProducts(products, owners);
  if (ordered) return [{ ...cluster, products: ordered }];
  const groups = byOperand(products);
  if (groups.length === 1) return takeApart(cluster);
  return groups.flatMap((group) => {
    const nodes = group.flatMap(({ nodes }) => nodes).sort((a, b) => a.id - b.id);
    const members = new Set(nodes);
    const outputs = cluster.outputs.filter((node) => members.has(node));
    const part: Cluster = { ...cluster, nodes, outputs, products: group };
    return group.length > 1 ? joinProducts(builder, part, owners) : takeApart(part);
  });
}

/**
 * Lays the tensors of joined clusters side by side: those that have the same place in all parts make an arena. A cluster
 * is taken apart where a tensor would have to lie in two places, or must have memory of its own.
 *
 * `ownerOf` says whose memory a node's result takes, itself or a donated leaf; `isFree` whether that may be an arena's.
 */
export function layArenas(
  clusters: readonly Cluster[],
  owners: BufferOwners,
): ArenaLayout {
  const { ownerOf, isFree } = owners;
  const builder = new ArenaBuilder();
  // Those with the most parts first, as the others are worth less; of them those that need no others' order.
  const joined = clusters.filter(({ parts }) => parts).sort((a, b) =>
    b.parts!.length - a.parts!.length || a.parts![0].spread.length - b.parts![0].spread.length
  );
  const laid = new Set(joined.filter((cluster) => {
    const columns = columnsOf(cluster, ownerOf);
    return columns?.flat().every(isFree) && builder.lay(columns) && builder.spreads(cluster.parts!, owners);
  }));
  return {
    clusters: clusters.flatMap((cluster) => {
      if (cluster.products) return joinProducts(builder, cluster, owners);
      return laid.has(cluster) ? [cluster] : takeApart(cluster);
    }),
    arenas: builder.arenas,
    arenaOf: builder.arenaOf,
  };
}
