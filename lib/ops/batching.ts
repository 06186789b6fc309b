import type { Tensor } from "../tensor/tensor.ts";
import type { View } from "../tensor/view.ts";
import { broadcastTo } from "./broadcast.ts";
import { apply, type BatchSite, type Primitive } from "./primitive.ts";

/** What cells share, stretched along an axis of cells in front, which costs nothing. */
export function overCells(x: Tensor, cells: number): Tensor {
  return broadcastTo(x, [cells, ...x.shape]);
}

/** Inputs with the axis of cells in front, those too that cells share. */
export function ofEachCell({ inputs, isMapped, cells }: BatchSite<unknown>): Tensor[] {
  return inputs.map((x, i) => isMapped[i] ? x : overCells(x, cells));
}

/** The rule of what is computed element by element, or row by row: one more axis in front makes no difference to it. */
export function batchInFront<P>(primitive: Primitive<P>, site: BatchSite<P>): Tensor {
  return apply(primitive, ofEachCell(site), site.params);
}

/** Parameters of a kernel for several cells. */
export interface OfCells {
  /** How many cells there are, whose axis then is in front of all inputs and of the result; absent where there is none. */
  readonly cells?: number;
}

/** The rule of a kernel for several cells: the cells of cells are so many cells. */
export function batchCells<P extends OfCells>(primitive: Primitive<P>, site: BatchSite<P>): Tensor {
  const { cells, params } = site;
  const each = ofEachCell(site);
  if (params.cells === undefined) return apply(primitive, each, { ...params, cells });
  return partCells(apply(primitive, each.map(joinCells), { ...params, cells: cells * params.cells }), cells);
}

/** What any operation is of one cell alone: the operation without the axis, which costs nothing. */
export function batchOne<P>(primitive: Primitive<P>, { inputs, isMapped, params }: BatchSite<P>): Tensor {
  const ones = inputs.map((x, i) => isMapped[i] ? x.reshape(x.shape.slice(1)) : x);
  const one = apply(primitive, ones, params);
  return one.reshape([1, ...one.shape]);
}

/** Two axes in front as one: `[cells, m, ...]` → `[cells · m, ...]`. */
export function joinCells(x: Tensor): Tensor {
  const [cells, rows, ...rest] = x.shape;
  return x.reshape([cells * rows, ...rest]);
}

/** The opposite of {@linkcode joinCells}. */
export function partCells(x: Tensor, cells: number): Tensor {
  const [rows, ...rest] = x.shape;
  return x.reshape([cells, rows / cells, ...rest]);
}

/** The first cell's part of a view of several, whose axis is in front; the view itself where there is no such axis. */
export function cellOf({ shape, strides, offset }: View, hasCells: boolean): View {
  return hasCells ? { shape: shape.slice(1), strides: strides.slice(1), offset } : { shape, strides, offset };
}
