import * as ops from "../../lib/ops/mod.ts";
import { type Tensor, type Tree, treeMap } from "../../lib/tensor/mod.ts";
import { vmap } from "../../lib/transform/mod.ts";
import type { Beside, Cells } from "./program.ts";

/** What a function of cells is given: tensors by names, of which those of `shared` may be numbers, which have no axes. */
export interface CellInputs {
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly shared: ReadonlySet<string>;
}

/** What a function gives for the cell that is taken on, and for all of them, stacked along the axis of results. */
export interface OfCells<Value> {
  readonly one: Value;
  readonly all: Value;
}

/** How one input goes from cell to cell: its axis in the stack of all, `undefined` where they share it. */
interface Place {
  readonly axis: number | undefined;
  readonly beside: Beside;
}

/** The place of each input that has one. */
export function placesOf(cells: Cells, ranks: Readonly<Record<string, number>>): Record<string, Place> {
  return Object.fromEntries(
    Object.keys(ranks).sort().map((name, i) => {
      const axis = cells.axes[i % cells.axes.length];
      const beside = cells.beside[i % cells.beside.length];
      // No −0.
      return [name, { axis: axis === null ? undefined : axis % (ranks[name] + 1) + 0, beside }];
    }),
  );
}

/** An input of another cell, or of another turn. */
export function besideOf(x: Tensor, beside: Beside): Tensor {
  if (beside === "equal") return x;
  if (x.dtype !== "f32" || beside === "flipped") return ops.flip(x);
  return beside === "scaled" ? ops.mul(x, -0.5) : ops.full(x.shape, NaN);
}

/** Stacks what cells have, or turns; f16, of which the library joins no several, as the f32 that it is. */
export function stacked(parts: readonly Tensor[], axis: number): Tensor {
  if (parts[0].dtype !== "f16") return ops.stack(parts, { axis });
  return ops.cast(ops.stack(parts.map((part) => ops.cast(part, "f32")), { axis }), "f16");
}

/** The places of inputs, and the inputs of each cell. */
function partsOf(cells: Cells, { inputs, shared }: CellInputs) {
  const ranks = Object.entries(inputs).flatMap(([name, x]) => shared.has(name) ? [] : [[name, x.rank] as const]);
  const places = placesOf(cells, Object.fromEntries(ranks));
  const each = Array.from({ length: cells.count }, (_, cell) =>
    Object.fromEntries(
      Object.entries(inputs).map(([name, x]) => {
        const place = cell === cells.cell ? undefined : places[name];
        return [name, place?.axis === undefined ? x : besideOf(x, place.beside)];
      }),
    ));
  return { places, each };
}

const taken = <Value extends Tree>({ out, cell }: Cells, all: Value): OfCells<Value> => ({
  one: treeMap((x: Tensor) => ops.select(x, { axis: out, index: cell }), all),
  all,
});

/** Computes a function of named tensors for all cells at once, by `vmap`. */
export function allAtOnce<Value extends Tree>(
  cells: Cells,
  f: (inputs: Readonly<Record<string, Tensor>>) => Value,
  given: CellInputs,
): OfCells<Value> {
  const { places, each } = partsOf(cells, given);
  const axes = Object.fromEntries(
    Object.entries(places).flatMap(([name, { axis }]) => axis === undefined ? [] : [[name, axis] as const]),
  );
  const stacks = Object.fromEntries(
    Object.entries(axes).map(([name, axis]) => [name, stacked(each.map((one) => one[name]), axis)]),
  );
  const size = Object.keys(axes).length === 0 ? { size: cells.count } : {};
  return taken(cells, vmap(f, { in: [axes], out: cells.out, ...size })({ ...given.inputs, ...stacks }));
}

/** Computes a function of named tensors for each cell alone, and stacks what it gives. */
export function oneByOne<Value extends Tree>(
  cells: Cells,
  f: (inputs: Readonly<Record<string, Tensor>>) => Value,
  given: CellInputs,
): OfCells<Value> {
  const [first, ...others] = partsOf(cells, given).each.map((inputs) => f(inputs));
  return taken(cells, treeMap((...parts: Tensor[]) => stacked(parts, cells.out), first, ...others));
}
