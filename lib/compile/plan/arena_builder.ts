import { alignedBytes } from "../../device/alignment.ts";
import type { Part, Product } from "../fuse/cluster.ts";
import type { Node, Operand } from "../graph/graph.ts";
import { type MemoryPlace, productColumns, type Spread, spreadOf, whole } from "../lower/spread.ts";
import { type Arena, placeIn } from "./arena.ts";

/** Below what every device allows for a binding. */
const MAX_BYTES = 2 ** 26;

/** Tensors that have the same place in all parts of a cluster, in the order of the parts. */
export type Column = readonly Node[];

/** Where nodes' results lie. */
export interface BufferOwners {
  /** Whose memory a result takes: the node's own, or a donated leaf's. */
  readonly ownerOf: (node: Node) => Node;
  /** Whether that may be an arena's. */
  readonly isFree: (owner: Node) => boolean;
}

/** The first byte of each of several tensors that lie side by side, and how many bytes they take. */
function sideBySide(nodes: readonly Node[]): Pick<Arena, "offsets" | "bytes"> {
  const offsets = new Map<Node, number>();
  let bytes = 0;
  for (const node of nodes) {
    offsets.set(node, bytes);
    bytes += alignedBytes(4 * node.size);
  }
  return { offsets, bytes };
}

/** Puts tensors side by side in the order of the parts, or in that in which some columns lie already. */
export class ArenaBuilder {
  readonly arenas: Arena[] = [];
  readonly arenaOf = new Map<Node, Arena>();

  /** Whether all columns could be laid alike. */
  lay(columns: readonly Column[]): boolean {
    const known = columns.find(([first]) => this.arenaOf.has(first));
    const order = known ? this.#orderOf(known) : columns[0].map((_, part) => part);
    if (!order) return false;
    // All tensors of a part have one size.
    const laid = sideBySide(order.map((part) => columns[0][part]));
    const offsets = columns[0].map((node) => laid.offsets.get(node)!);
    if (laid.bytes > MAX_BYTES || !columns.every((column) => this.#agrees(column, offsets))) return false;
    for (const column of columns) {
      if (!this.arenaOf.has(column[0])) this.#add(sideBySide(order.map((part) => column[part])));
    }
    return true;
  }

  #add(laid: Pick<Arena, "offsets" | "bytes">): void {
    const nodes = [...laid.offsets.keys()];
    const arena: Arena = { ...laid, isOfLeaves: nodes[0].leaf !== undefined };
    this.arenas.push(arena);
    for (const node of nodes) this.arenaOf.set(node, arena);
  }

  /**
   * Lets one dispatch reach all of several products, and gives them in an order in which it does: each column of tensors
   * lies in one memory, where it may have neighbours, and its tensors are equally far apart. What the results are made of
   * element by element lies as they do, in other memory or in the very same place. `undefined` where that cannot be.
   */
  layProducts(products: readonly Product[], owners: BufferOwners): readonly Product[] | undefined {
    const ordered = this.#inOrder(products, owners);
    const { operands, others, results } = productColumns(ordered);
    const read = operands.map((column) => this.#spread(column, owners));
    const [beside, written] = [others, results].map((columns) =>
      columns.map((column) => ({ column, spread: this.#spread(column.map(whole), owners) }))
    );
    const target = written[0]?.spread;
    // What a reduction reads lies otherwise than what it gives.
    const source = products[0].kernel.kind === "reduce" ? beside[0]?.spread : target;
    const areAlike = (columns: typeof beside, wanted: Spread) =>
      columns.every(({ spread }) => spread?.first === wanted.first && spread.step === wanted.step);
    // A tensor that all products meet is read once for each, which positions from the first element on allow.
    const isCommon = ({ spread }: (typeof beside)[number]) =>
      products[0].kernel.kind === "kernel" && spread?.step === 0 && target?.first === 0 && target.step > 0;
    const isAlike = target && source && target.step !== 0 && read.every((spread) => spread !== undefined) &&
      areAlike(beside.filter((one) => !isCommon(one)), source) && areAlike(written, target);
    if (!isAlike) return undefined;
    const memories = new Set(written.map(({ spread }) => spread!.memory));
    const isOverwritten = (column: Column) =>
      written.some((result) => column.every((node, i) => owners.ownerOf(node) === owners.ownerOf(result.column[i])));
    const isApart = memories.size === written.length && read.every((spread) => !memories.has(spread!.memory)) &&
      beside.every(({ column, spread }) => !memories.has(spread!.memory) || isOverwritten(column));
    return isApart ? ordered : undefined;
  }

  /** Products in the order in which some column of theirs lies already. */
  #inOrder(products: readonly Product[], { ownerOf }: BufferOwners): readonly Product[] {
    const tensorsOf = ({ kernel, others, results }: Product) =>
      [...kernel.kind === "kernel" ? kernel.inputs.map(({ node }) => node) : [], ...others, ...results].map(ownerOf);
    const rows = products.map(tensorsOf);
    const lying = rows[0].findIndex((first, i) =>
      this.arenaOf.has(first) && rows.every((row) => this.arenaOf.get(row[i]) === this.arenaOf.get(first)) &&
      new Set(rows.map((row) => row[i])).size === rows.length
    );
    const offsetOf = (product: Product) => {
      const owner = tensorsOf(product)[lying];
      return this.arenaOf.get(owner)!.offsets.get(owner)!;
    };
    return lying < 0 ? products : [...products].sort((a, b) => offsetOf(a) - offsetOf(b));
  }

  /** Whether what parts read at other places is as far apart as they are, in memory that they do not write. */
  spreads(parts: readonly Part[], owners: BufferOwners): boolean {
    const firstOf = ({ tensors: [first] }: Part) => this.#place(first, owners).first;
    const ordered = [...parts].sort((a, b) => firstOf(a) - firstOf(b));
    const own = new Set(parts[0].tensors.map((node) => this.#place(node, owners).memory));
    return parts[0].spread.every((_, i) => {
      const found = this.#spread(ordered.map(({ spread }) => spread[i]), owners);
      return found !== undefined && found.step >= 0 && !own.has(found.memory);
    });
  }

  /** How a column is spread, in an arena that is made where it lies in none and may lie in one. */
  #spread(column: readonly Operand[], owners: BufferOwners): Spread | undefined {
    const tensors = column.map(({ node }) => owners.ownerOf(node));
    const isOfLeaves = tensors[0].leaf !== undefined;
    const isNew = new Set(tensors).size === tensors.length &&
      tensors.every((owner) =>
        (owner.leaf !== undefined) === isOfLeaves && owners.isFree(owner) && !this.arenaOf.has(owner)
      );
    // What is read of them is alike; they themselves may be of several sizes.
    const laid = sideBySide(tensors);
    if (isNew && laid.bytes <= MAX_BYTES) this.#add(laid);
    return spreadOf(column, (node) => this.#place(node, owners));
  }

  #place(node: Node, { ownerOf }: BufferOwners): MemoryPlace {
    return placeIn(this.arenaOf, ownerOf(node));
  }

  /** The order of the parts in which a column lies; `undefined` where it does not fill its arena. */
  #orderOf(column: Column): number[] | undefined {
    const arena = this.arenaOf.get(column[0])!;
    const offsets = column.map((node) => arena.offsets.get(node));
    if (arena.offsets.size !== column.length || offsets.includes(undefined)) return undefined;
    return column.map((_, part) => part).sort((a, b) => offsets[a]! - offsets[b]!);
  }

  /** Whether a column lies at these offsets, or may still be laid there: leaves and temporary tensors apart. */
  #agrees(column: Column, offsets: readonly number[]): boolean {
    const arena = this.arenaOf.get(column[0]);
    const isOfLeaves = column[0].leaf !== undefined;
    return (!arena || arena.offsets.size === column.length) &&
      column.every((node, part) =>
        this.arenaOf.get(node) === arena && (!arena || arena.offsets.get(node) === offsets[part]) &&
        (node.leaf !== undefined) === isOfLeaves
      );
  }
}
