import { type Kernel, textureFormat } from "../../kernels/kernel.ts";
import type { TextureSize } from "../../kernels/target.ts";
import type { Target } from "../ops/primitive.ts";
import { storedBytes } from "../tensor/dtype.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Arena, layArenas, placeIn, takeApart, wholeGrains } from "./arenas.ts";
import type { Command, Layout, Place } from "./command.ts";
import { type Cluster, fuse, kernelOf } from "./fuse.ts";
import { buildGraph, type Graph, isWhole, type Node, type Operand } from "./graph.ts";
import { lower } from "./lower.ts";
import { lastUses, Memory, PackedTextures, SharedSlots } from "./memory.ts";

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
  /** Multiplications and additions of a product; 0 for everything else. */
  readonly operations: number;
  /** The work that it is a part of, by its position in the plan's list. */
  readonly cluster: number;
  /** What lies in each buffer: a result or a leaf, several side by side, or nothing that has a name. */
  readonly contents: readonly (Node | Arena | undefined)[];
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

/** Options of {@linkcode makePlan}. */
export interface PlanOptions {
  readonly target: Target;
  readonly isLeaf?: (tensor: Tensor) => boolean;
  /** Leaves whose buffers results may take over. */
  readonly donated?: ReadonlySet<Tensor>;
  /** Whether a leaf's memory is the same from call to call, as far as the plan does not write it itself. */
  readonly isFrozen?: (leaf: Tensor) => boolean;
  /** Called between pieces of the work. */
  readonly onPiece?: () => void;
}

function addTo<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

/** Chooses for each result the donated leaf whose buffer it will take over: the next one of its shape and dtype. */
function pairDonations(graph: Graph, donated: ReadonlySet<Tensor>): Map<Node, Node> {
  const pairs = new Map<Node, Node>();
  const results = new Set(graph.outputs);
  const open = new Map<string, Node[]>();
  const signature = ({ dtype, shape }: Node) => `${dtype} ${shape}`;
  for (const node of graph.nodes) {
    if (!node.leaf || !donated.has(node.leaf) || results.has(node)) continue;
    addTo(open, signature(node), node);
  }
  const order = new Map([...donated].map((tensor, i) => [tensor, i]));
  // The first one is taken from the end.
  for (const list of open.values()) list.sort((a, b) => order.get(b.leaf!)! - order.get(a.leaf!)!);
  for (const node of results) {
    // A constant among the results stands for one without elements.
    if (node.kind === "leaf" || node.kind === "constant") continue;
    const leaf = open.get(signature(node))?.pop();
    if (leaf) pairs.set(node, leaf);
  }
  return pairs;
}

/** Keeps the pairs whose result can be written straight into the leaf's buffer, in the order in which clusters run. */
function directPairs(clusters: readonly Cluster[], pairs: ReadonlyMap<Node, Node>): Map<Node, Node> {
  const readers = new Map<Node, number[]>();
  clusters.forEach((cluster, position) => {
    for (const node of cluster.nodes) {
      for (const { node: input } of node.inputs) if (input.leaf) addTo(readers, input, position);
    }
  });
  const direct = new Map<Node, Node>();
  clusters.forEach((cluster, position) => {
    const reads = new Map<Node, Operand[]>();
    for (const { inputs } of cluster.nodes) {
      for (const operand of inputs) if (operand.node.leaf) addTo(reads, operand.node, operand);
    }
    for (const node of cluster.outputs) {
      const leaf = pairs.get(node);
      if (!leaf) continue;
      const positions = readers.get(leaf) ?? [];
      if (positions.some((reader) => reader > position)) continue;
      const own = reads.get(leaf);
      if (own && !readsInStep(cluster, node, { leaf, reads: own })) continue;
      direct.set(node, leaf);
    }
  });
  return direct;
}

/** Whether a cluster reads a leaf only element by element with what it writes there. */
function readsInStep(
  cluster: Cluster,
  node: Node,
  { leaf, reads }: { readonly leaf: Node; readonly reads: readonly Operand[] },
): boolean {
  if (cluster.scattered.has(node)) return false;
  if (cluster.kind === "map") return reads.every(isWhole);
  if (cluster.kind === "kernel" && node.kind === "map") {
    return reads.every(isWhole) && !kernelOf(cluster.nodes).inputs.some((operand) => operand.node === leaf);
  }
  const lowering = node.primitive!.lowering;
  return lowering.kind === "kernel" && lowering.inPlace !== undefined && reads.length === 1 &&
    node.inputs[lowering.inPlace].node === leaf && isWhole(reads[0]);
}

/**
 * Arenas of which a step writes a piece and reads another one, which WebGPU forbids: it keeps account of whole buffers.
 */
function mixedArenas(clusters: readonly Cluster[], { homeOf, arenaOf }: {
  readonly homeOf: (node: Node) => Node;
  readonly arenaOf: ReadonlyMap<Node, Arena>;
}): Set<Arena> {
  const found = clusters.flatMap(({ nodes, outputs, parts }) => {
    if (parts) return [];
    const written = new Set(outputs.map(homeOf));
    const arenas = new Set([...written].flatMap((home) => arenaOf.get(home) ?? []));
    const reads = nodes.flatMap(({ inputs }) => inputs.map(({ node }) => homeOf(node)));
    return reads.filter((home) => !written.has(home) && arenas.has(arenaOf.get(home)!)).map((home) =>
      arenaOf.get(home)!
    );
  });
  return new Set(found);
}

/** Orders the work: clusters, what they write in place, and what must lie side by side for that. */
function arrange(graph: Graph, pairs: ReadonlyMap<Node, Node>) {
  const keep = new Set(graph.outputs);
  let clusters: readonly Cluster[] = fuse(graph, pairs);
  while (true) {
    const direct = directPairs(clusters, pairs);
    const overwritten = new Set(direct.values());
    const homeOf = (node: Node) => direct.get(node) ?? node;
    const laid = layArenas(clusters, {
      homeOf,
      isFree: (home) => home.leaf ? overwritten.has(home) : !keep.has(home),
    });
    // What was taken apart may write elsewhere.
    if (laid.clusters.length > clusters.length) {
      clusters = laid.clusters;
      continue;
    }
    const mixed = mixedArenas(clusters, { homeOf, arenaOf: laid.arenaOf });
    if (mixed.size === 0) return { ...laid, direct, homeOf, keep };
    clusters = clusters.flatMap((cluster) => {
      const tensors = [...cluster.nodes.flatMap(({ inputs }) => inputs.map(({ node }) => node)), ...cluster.outputs];
      return tensors.some((node) => mixed.has(laid.arenaOf.get(homeOf(node))!)) ? takeApart(cluster) : [cluster];
    });
  }
}

/** Compiles results into a plan. */
export function makePlan(outputs: readonly Tensor[], options: PlanOptions): Plan {
  const { target, isLeaf, donated = new Set(), isFrozen = () => false, onPiece = () => {} } = options;
  const graph = buildGraph(outputs, isLeaf);
  onPiece();
  const pairs = pairDonations(graph, donated);
  const { clusters, arenas, arenaOf, direct, homeOf, keep } = arrange(graph, pairs);
  const dying = lastUses(clusters, keep);

  const leaves: Tensor[] = [];
  const leafIndex = new Map<Node, number>();
  for (const node of graph.nodes) {
    if (!node.leaf) continue;
    leafIndex.set(node, leaves.length);
    leaves.push(node.leaf);
  }

  const leafArenas = arenas.filter(({ isOfLeaves }) => isOfLeaves);
  const arenaIndex = new Map(leafArenas.map((arena, i) => [arena, i]));
  const memory = new Memory();
  const shared = new SharedSlots(memory);
  const packed = new PackedTextures();
  const positions = new Map<Node, number>();
  const slotOf = new Map<Node, number>();
  const readByKernel = new Set(
    graph.nodes.filter(({ kind }) => kind === "kernel").flatMap(({ inputs }) => inputs.map(({ node }) => node)),
  );
  for (const cluster of clusters) {
    if (cluster.kind !== "map" || cluster.nodes[0].size !== 1) continue;
    for (const node of cluster.outputs) {
      if (!keep.has(node) && !readByKernel.has(node)) positions.set(node, memory.scalar());
    }
  }
  const written = new Set(pairs.values());
  const layout: Layout = {
    target,
    isFrozen: (node) => node.leaf?.rank === 2 && !written.has(node) && isFrozen(node.leaf),
    placeOf: (node) => placeIn(arenaOf, homeOf(node)),
    joinedSize: ({ parts }) => arenaOf.get(homeOf(parts![0].tensors[0]))!.bytes / 4,
    scalarPosition: (node) => positions.get(node),
    inPlace: (node) => direct.get(node),
  };

  const bufferOf = (node: Node, isJoined: boolean): BufferName => {
    const home = homeOf(node);
    const arena = arenaOf.get(home);
    if (arena && isJoined) {
      return arena.isOfLeaves ? { arena: arenaIndex.get(arena)! } : { slot: shared.slot(arena) };
    }
    if (arena && !arena.isOfLeaves) {
      return {
        slot: shared.slot(arena),
        range: { offset: arena.offsets.get(home)!, bytes: wholeGrains(node.size * 4) },
      };
    }
    const leaf = leafIndex.get(home);
    if (leaf !== undefined) return { leaf };
    if (positions.has(node)) return "scalars";
    const slot = slotOf.get(node);
    if (slot === undefined) throw new Error(`internal: ${node.primitive?.name} has no memory`);
    return { slot };
  };
  const steps: Step[] = [];
  clusters.forEach((cluster, position) => {
    for (const node of cluster.outputs) {
      if (direct.has(node) || positions.has(node)) continue;
      const arena = arenaOf.get(node);
      if (arena) shared.take(arena);
      else slotOf.set(node, memory.take(storedBytes(node)));
    }
    onPiece();
    const { commands, scratch } = lower(cluster, layout);
    const pieces = scratch.map((piece): BufferName =>
      typeof piece === "number" ? { slot: memory.take(piece) } : { packed: packed.of(piece) }
    );
    const resolve = (place: Place): BufferName =>
      place === "scalars"
        ? place
        : "node" in place
        ? bufferOf(place.node, place.withNeighbours || (cluster.parts ?? cluster.products) !== undefined)
        : pieces[place.scratch];
    for (const { kernel, grid, uniforms, places, operations = 0 } of commands) {
      const buffers = places.map((place, i): BufferName => {
        const name = resolve(place);
        return name !== "scalars" && "leaf" in name && textureFormat(kernel.bindings[i])
          ? { texture: name.leaf }
          : name;
      });
      const contents = places.map((place) =>
        place !== "scalars" && "node" in place ? arenaOf.get(homeOf(place.node)) ?? place.node : undefined
      );
      steps.push({ kernel, grid, uniforms, buffers, operations, cluster: position, contents });
    }
    for (const piece of pieces) if (piece !== "scalars" && "slot" in piece) memory.give(piece.slot);
    for (const node of dying[position]) {
      const slot = slotOf.get(node);
      const arena = arenaOf.get(node);
      if (slot !== undefined) memory.give(slot);
      else if (arena && !arena.isOfLeaves) shared.give(arena);
    }
  });

  const results = graph.outputs.map((node): ResultPlace => {
    if (node.kind === "leaf") return { kind: "leaf", leaf: leafIndex.get(node)! };
    const target = pairs.get(node);
    if (direct.has(node)) return { kind: "donated", leaf: leafIndex.get(target!)! };
    const slot = slotOf.get(node)!;
    return target ? { kind: "copied", leaf: leafIndex.get(target)!, slot } : { kind: "slot", slot };
  });
  const places = leafArenas.map(({ bytes, offsets }) => ({
    bytes,
    leaves: [...offsets].map(([node, offset]) => ({ leaf: leafIndex.get(node)!, offset })),
  }));
  return {
    leaves,
    arenas: places,
    steps,
    slots: memory.slots,
    packed: packed.sizes,
    scalars: memory.scalars,
    results,
    clusters,
  };
}
