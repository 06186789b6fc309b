import { textureFormat } from "../../../kernels/kernel.ts";
import { alignedBytes } from "../../device/alignment.ts";
import type { Target } from "../../ops/primitive.ts";
import { storedBytes } from "../../tensor/dtype.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type Cluster, takeApart } from "../fuse/cluster.ts";
import { fuse } from "../fuse/fuse.ts";
import { buildGraph, type Graph, type Node } from "../graph/graph.ts";
import type { Layout, Place } from "../lower/command.ts";
import { lower } from "../lower/lower.ts";
import { type Arena, placeIn } from "./arena.ts";
import { layArenas } from "./arenas.ts";
import { directPairs, pairCarried, pairDonations } from "./donated_results.ts";
import { planBody } from "./loop_body.ts";
import { LoopCluster } from "./loop_cluster.ts";
import { LoopSteps } from "./loop_steps.ts";
import { lastUses, Memory, PackedTextures, SharedSlots } from "./memory.ts";
import type { BufferName, Plan, ResultPlace, Step } from "./plan.ts";
import { moveRepeat, type Repeat } from "./repeat.ts";

/**
 * Arenas of which a step writes a piece and reads another one, which WebGPU forbids: it keeps account of whole buffers.
 */
function mixedArenas(clusters: readonly Cluster[], { ownerOf, arenaOf }: {
  readonly ownerOf: (node: Node) => Node;
  readonly arenaOf: ReadonlyMap<Node, Arena>;
}): Set<Arena> {
  const found = clusters.flatMap(({ nodes, outputs, parts }) => {
    if (parts) return [];
    const written = new Set(outputs.map(ownerOf));
    const arenas = new Set([...written].flatMap((owner) => arenaOf.get(owner) ?? []));
    const reads = nodes.flatMap(({ inputs }) => inputs.map(({ node }) => ownerOf(node)));
    return reads.filter((owner) => !written.has(owner) && arenas.has(arenaOf.get(owner)!)).map((owner) =>
      arenaOf.get(owner)!
    );
  });
  return new Set(found);
}

/** Orders the work: clusters, what they write in place, and what must lie side by side for that. */
function arrange(
  graph: Graph,
  pairs: ReadonlyMap<Node, Node>,
  { isKept, carried }: Pick<PlanOptions, "isKept" | "carried">,
) {
  const keep = new Set(graph.outputs);
  let clusters: readonly Cluster[] = fuse(graph, { inPlace: pairs, isKept });
  while (true) {
    const direct = directPairs(clusters, pairs);
    // What turns of a loop hand on has memory of its own.
    const overwritten = new Set(
      [...direct].flatMap(([node, leaf]) => node.kind === "loop" || carried !== undefined ? [] : [leaf]),
    );
    const ownerOf = (node: Node) => direct.get(node) ?? node;
    const laid = layArenas(clusters, {
      ownerOf,
      isFree: (owner) => owner.leaf ? overwritten.has(owner) : !keep.has(owner) && owner.kind !== "loop",
    });
    // What was taken apart may write elsewhere.
    if (laid.clusters.length > clusters.length) {
      clusters = laid.clusters;
      continue;
    }
    const mixed = mixedArenas(clusters, { ownerOf, arenaOf: laid.arenaOf });
    if (mixed.size === 0) return { ...laid, direct, ownerOf, keep };
    clusters = clusters.flatMap((cluster) => {
      const tensors = [...cluster.nodes.flatMap(({ inputs }) => inputs.map(({ node }) => node)), ...cluster.outputs];
      return tensors.some((node) => mixed.has(laid.arenaOf.get(ownerOf(node))!)) ? takeApart(cluster) : [cluster];
    });
  }
}

/** Options of {@linkcode makePlan}. */
export interface PlanOptions {
  readonly target: Target;
  /**
   * Whether the plan runs many times, as a jitted function's does: then work that is the same but for its tensors joins.
   * Of an eager program's kernels the next one would have no use.
   */
  readonly isKept: boolean;
  readonly isLeaf?: (tensor: Tensor) => boolean;
  /** Leaves whose buffers results may take over. */
  readonly donated?: ReadonlySet<Tensor>;
  /** For the turns of a loop: leaves whose buffers the first results take over, each the one at its place. */
  readonly carried?: readonly Tensor[];
  /** Whether a leaf's memory is the same from call to call, as far as the plan does not write it itself. */
  readonly isFrozen?: (leaf: Tensor) => boolean;
  /** Called between pieces of the work. */
  readonly onPiece?: () => void;
}

/** Compiles results into a plan. */
export function makePlan(outputs: readonly Tensor[], options: PlanOptions): Plan {
  const { target, carried, isLeaf, donated = new Set(), isFrozen = () => false, onPiece = () => {} } = options;
  const graph = buildGraph(outputs, isLeaf);
  onPiece();
  const pairs = carried ? pairCarried(graph, carried) : pairDonations(graph, donated);
  const { clusters, arenas, arenaOf, direct, ownerOf, keep } = arrange(graph, pairs, options);
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
    graph.nodes.filter(({ kind }) => kind === "kernel" || kind === "loop")
      .flatMap(({ inputs }) => inputs.map(({ node }) => node)),
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
    placeOf: (node) => placeIn(arenaOf, ownerOf(node)),
    joinedSize: ({ parts }) => arenaOf.get(ownerOf(parts![0].tensors[0]))!.bytes / 4,
    scalarPosition: (node) => positions.get(node),
    inPlace: (node) => direct.get(node),
  };

  const bufferOf = (node: Node, isJoined: boolean): BufferName => {
    const owner = ownerOf(node);
    const arena = arenaOf.get(owner);
    if (arena && isJoined) {
      return arena.isOfLeaves ? { arena: arenaIndex.get(arena)! } : { slot: shared.slot(arena) };
    }
    if (arena && !arena.isOfLeaves) {
      return {
        slot: shared.slot(arena),
        range: { offset: arena.offsets.get(owner)!, bytes: alignedBytes(node.size * 4) },
      };
    }
    const leaf = leafIndex.get(owner);
    if (leaf !== undefined) return { leaf };
    if (positions.has(node)) return "scalars";
    const slot = slotOf.get(node);
    if (slot === undefined) throw new Error(`internal: ${node.primitive?.name} has no memory`);
    return { slot };
  };
  // What a turn hands to the next one may change places with what it took: nothing else lies there.
  const take = (bytes: number, isResult: boolean) => carried && isResult ? memory.takeNew(bytes) : memory.take(bytes);
  const steps: Step[] = [];
  const repeats: Repeat[] = [];
  const nested: Cluster[] = [];
  /** Lays out a loop: the work of a turn is a plan of its own. */
  const addLoop = (cluster: Cluster, position: number): void => {
    const found = new LoopCluster(cluster, layout);
    const { loop, outputs } = found;
    const body = planBody(
      loop,
      outputs,
      (results, rest) =>
        makePlan(results, { ...options, ...rest, donated: undefined, isFrozen: (leaf) => found.isFrozen(leaf) }),
    );
    const base = clusters.length + nested.length;
    nested.push(...body.plan.clusters);
    const laid = new LoopSteps(loop, body, {
      cluster: position,
      input: (input) => bufferOf(found.input(input), false),
      take: (bytes) => ({ slot: take(bytes, true) }),
      give(name) {
        if (name !== "scalars" && "slot" in name) memory.give(name.slot);
      },
      takeOver(input) {
        const node = found.input(input);
        const slot = slotOf.get(node);
        if (slot === undefined || carried || !found.takesOnce(node) || !dying[position].includes(node)) {
          return undefined;
        }
        slotOf.delete(node);
        return { slot };
      },
      target(output) {
        const leaf = direct.get(found.node(output)!);
        return leaf && { leaf: leafIndex.get(leaf)! };
      },
      keep(output, name) {
        if (name !== "scalars" && "slot" in name) slotOf.set(found.node(output)!, name.slot);
      },
      node: (output) => found.node(output),
      fill: (to, like, from) => found.fill(to, like, { from, cluster: position }),
      adopt: (step, rename) => ({ ...step, buffers: step.buffers.map(rename), cluster: base + step.cluster }),
      packed: (index) => ({ packed: packed.of(body.plan.packed[index]) }),
    });
    repeats.push(...laid.repeats.map((repeat) => moveRepeat(repeat, steps.length)));
    steps.push(...laid.steps);
  };
  /** Lays out what is lowered to dispatches at once. */
  const addWork = (cluster: Cluster, position: number): void => {
    for (const node of cluster.outputs) {
      if (direct.has(node) || positions.has(node)) continue;
      const arena = arenaOf.get(node);
      if (arena) shared.take(arena);
      else slotOf.set(node, take(storedBytes(node), keep.has(node)));
    }
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
        place !== "scalars" && "node" in place ? arenaOf.get(ownerOf(place.node)) ?? place.node : undefined
      );
      steps.push({ kernel, grid, uniforms, buffers, operations, cluster: position, contents });
    }
    for (const piece of pieces) if (piece !== "scalars" && "slot" in piece) memory.give(piece.slot);
  };
  clusters.forEach((cluster, position) => {
    onPiece();
    if (cluster.kind === "loop") addLoop(cluster, position);
    else addWork(cluster, position);
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
    repeats,
    slots: memory.slots,
    packed: packed.sizes,
    scalars: memory.scalars,
    results,
    clusters: [...clusters, ...nested],
  };
}
