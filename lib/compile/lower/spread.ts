import type { Product } from "../fuse/cluster.ts";
import type { Node, Operand } from "../graph/graph.ts";

/** Memory in which a tensor lies, by whatever stands for it, and the first element there. */
export interface MemoryPlace {
  readonly memory: unknown;
  readonly first: number;
}

/** Where tensors lie that have the same place in all joined products, in elements. */
export interface Spread {
  readonly memory: unknown;
  readonly first: number;
  /** From one product to the next; 0 where all have the same tensor. */
  readonly step: number;
}

/** A tensor as it lies. */
export function whole(node: Node): Operand {
  const strides = node.shape.map((_, axis) => node.shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  return { node, view: { shape: node.shape, strides, offset: 0 } };
}

/** What has the same place in all products: operands that are read where they lie, and what lies as the results do. */
export function productColumns(
  products: readonly Product[],
): {
  readonly operands: readonly Operand[][];
  readonly others: readonly Node[][];
  readonly results: readonly Node[][];
} {
  const columns = <T>(of: (product: Product) => readonly T[]): T[][] =>
    of(products[0]).map((_, i) => products.map((product) => of(product)[i]));
  return {
    operands: columns(({ kernel }) => kernel.kind === "kernel" ? kernel.inputs : []),
    others: columns(({ others }) => others),
    results: columns(({ results }) => results),
  };
}

/** How a column is spread; `undefined` where its tensors lie in several memories, or at uneven distances. */
export function spreadOf(column: readonly Operand[], placeOf: (node: Node) => MemoryPlace): Spread | undefined {
  const places = column.map(({ node, view }) => {
    const { memory, first } = placeOf(node);
    return { memory, first: first + view.offset };
  });
  const [{ memory, first }, second] = places;
  const step = second.first - first;
  const isEven = places.every((place, i) => place.memory === memory && place.first === first + i * step);
  return isEven ? { memory, first, step } : undefined;
}
