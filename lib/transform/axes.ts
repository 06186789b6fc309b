import { formatShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { StructureNode } from "../tensor/tree.ts";

/**
 * Which axis of each tensor of a tree goes from cell to cell: a number for all tensors below a place, counted from the end
 * where it is negative; `undefined` where they are shared by all cells; or an object or list with axes for the parts of
 * the one that stands there. Parts that it does not name are shared.
 */
export type Axes = number | undefined | readonly Axes[] | { readonly [name: string]: Axes };

const below = (path: string, key: string | number) => typeof key === "number" ? `${path}[${key}]` : `${path}.${key}`;

/** Throws a RangeError where axes name what a tree does not have there. */
function refuse(path: string, what: string): never {
  throw new RangeError(`vmap: axes of ${path} name ${what}`);
}

/** The axis of every leaf of a structure, with the way to the leaf, in order. */
export function axesOf(
  structure: StructureNode,
  axes: Axes,
  path: string,
): { axis: number | undefined; path: string }[] {
  const found: { axis: number | undefined; path: string }[] = [];
  const visit = (part: StructureNode, axes: Axes, path: string): void => {
    if (part.kind === "value") return;
    if (part.kind === "leaf") {
      if (typeof axes === "object") refuse(path, "parts of it, and it is a tensor");
      found.push({ axis: axes, path });
      return;
    }
    const keys: readonly (string | number)[] = part.kind === "object" ? part.keys : part.parts.map((_, i) => i);
    const partsOf = (): (key: string | number) => Axes => {
      if (typeof axes !== "object") return () => axes;
      if (Array.isArray(axes)) {
        if (part.kind === "object") refuse(path, "positions, and it is an object");
        if (axes.length > keys.length) refuse(path, `${axes.length} parts, and it has ${keys.length}`);
        return (key) => axes[Number(key)];
      }
      if (part.kind !== "object") refuse(path, "keys, and it is a list");
      const named = new Map(Object.entries(axes));
      const unknown = named.keys().find((key) => !keys.includes(key));
      if (unknown !== undefined) {
        refuse(path, `${JSON.stringify(unknown)}, which is not there: it has ${keys.join(", ")}`);
      }
      return (key) => named.get(String(key));
    };
    const axisOf = partsOf();
    keys.forEach((key, i) => visit(part.parts[i], axisOf(key), below(path, key)));
  };
  visit(structure, axes, path);
  return found;
}

/** An axis counted from the front. Throws a RangeError that names the leaf where there is none. */
export function requireAxis(
  axis: number,
  rank: number,
  { path, shape }: { path: string; shape: readonly number[] },
): number {
  const position = axis < 0 ? axis + rank : axis;
  if (Number.isInteger(axis) && position >= 0 && position < rank) return position;
  const range = rank === 0 ? "it is a scalar, which has none" : `it has axes 0 to ${rank - 1}`;
  throw new RangeError(`vmap: ${path} ${formatShape(shape)} has no axis ${axis}: ${range}`);
}

/** A tensor with one axis moved elsewhere; costs nothing. */
export function moveAxis(x: Tensor, from: number, to: number): Tensor {
  const order = [...x.shape.keys()].filter((axis) => axis !== from);
  order.splice(to, 0, from);
  return x.transpose(order);
}
