import { type Shape, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { formatShape } from "../tensor/shape.ts";
import { arange } from "./arange.ts";
import { joinCells, ofEachCell, partCells } from "./batching.ts";
import { full, zeros } from "./full.ts";
import { where } from "./where.ts";
import { requireDType, storedAs } from "./elementwise.ts";
import { apply, type Primitive } from "./primitive.ts";
import { reshape } from "./reshape.ts";
import { gatherDispatch, scatterDispatches } from "./kernel_calls.ts";

/** Ids of cells `[cells, n]` as ids of their tables one below the other; an id outside of its own is outside of all. */
function idsOfCells(ids: Tensor, rows: number): Tensor {
  const isInside = ids.greaterEqual(0).logicalAnd(ids.less(rows));
  return joinCells(where(isInside, ids.add(arange(ids.shape[0]).expandDims(1).mul(rows)), -1));
}

/** Rows of a table [v, c] by ids [n]. */
export const embeddingPrimitive: Primitive<undefined> = {
  name: "embedding",
  infer: ([table, ids]) => ({ shape: [...ids.shape, table.shape[1]], dtype: "f32" }),
  lowering: {
    kind: "kernel",
    emit({ inputs: [table, ids] }) {
      const [rows, columns] = table.view.shape;
      const sizes = { rows, columns, ids: sizeOf(ids.view.shape) };
      return { dispatches: [gatherDispatch(sizes, storedAs(table.dtype))] };
    },
  },
  reference([table, ids]) {
    const columns = table.shape[1];
    const result = new Float64Array(ids.data.length * columns).fill(NaN);
    ids.data.forEach((id, i) => {
      if (id >= 0 && id < table.shape[0]) {
        result.set(table.data.subarray(id * columns, (id + 1) * columns), i * columns);
      }
    });
    return result;
  },
  vjp: ({ inputs: [table, ids], cotangent, needs }) => [
    needs[0]
      ? cotangent.size === 0
        ? zeros(table.shape)
        : apply(scatterRowsPrimitive, [ids, cotangent], { shape: table.shape })
      : undefined,
    undefined,
  ],
  batch(site) {
    const { isMapped: [isMappedTable], cells } = site;
    const [table, ids] = site.inputs;
    if (!isMappedTable) return partCells(apply(embeddingPrimitive, [table, joinCells(ids)], undefined), cells);
    const [tables, eachIds] = ofEachCell(site);
    const rows = apply(embeddingPrimitive, [joinCells(tables), idsOfCells(eachIds, tables.shape[1])], undefined);
    return partCells(rows, cells);
  },
};

/** Parameters of {@linkcode scatterRowsPrimitive}. */
export interface ScatterRowsParams {
  /** Of the table. */
  readonly shape: Shape;
  /** How many cells there are, whose ids stand one behind the other, each with rows of its own; 1 by default. */
  readonly cells?: number;
}

/** Adds rows [n, c] at ids [n] into zeros [v, c], in the order of the ids: the derivative of looking rows up. */
export const scatterRowsPrimitive: Primitive<ScatterRowsParams> = {
  name: "scatterRows",
  infer: (_, { shape }) => ({ shape, dtype: "f32" }),
  lowering: {
    kind: "kernel",
    emit: ({ inputs: [ids], output: { shape: [rows, columns] }, params: { cells } }) =>
      scatterDispatches({ rows, columns, ids: sizeOf(ids.view.shape), cells }),
  },
  reference([ids, rows], { shape }) {
    const columns = shape[1];
    const result = new Float64Array(sizeOf(shape));
    ids.data.forEach((id, i) => {
      for (let c = 0; c < columns; c++) {
        if (id >= 0 && id < shape[0]) result[id * columns + c] += rows.data[i * columns + c];
      }
    });
    return result;
  },
  vjp: ({ inputs: [ids], cotangent, needs }) => [
    undefined,
    needs[1] ? apply(embeddingPrimitive, [cotangent, ids], undefined) : undefined,
  ],
  batch(site) {
    const { cells, params: { shape: [rows, columns], cells: inner = 1 } } = site;
    const [ids, added] = ofEachCell(site);
    const all = { shape: [cells * rows, columns], cells: cells * inner };
    return partCells(apply(scatterRowsPrimitive, [idsOfCells(ids, rows), joinCells(added)], all), cells);
  },
};

/**
 * Looks up rows of a table by their ids: table `[v, c]` in f32 or f16, ids `[...]` in i32 → `[..., c]` in f32. An id
 * outside of the table gives a row of NaN. The derivative by the table adds the rows of equal ids in their order, so it
 * has the same bits each time.
 *
 * Throws a TypeError where a dtype is another one, and a RangeError where the table has not two axes.
 *
 * @see [torch.nn.functional.embedding](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.embedding.html)
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const table = dd.tensor([[1, 2], [3, 4], [5, 6]]);
 * const ids = dd.tensor([2, 0, 9], { dtype: "i32" });
 * console.log(await dd.embedding(table, ids).data()); // Float32Array [5, 6, 1, 2, NaN, NaN]
 * ```
 */
export function embedding(table: Tensor, ids: Tensor): Tensor {
  requireDType("embedding", table, ["f32", "f16"]);
  requireDType("embedding", ids, ["i32"]);
  if (table.rank !== 2) {
    throw new RangeError(`embedding: the table needs two axes, and has ${formatShape(table.shape)}`);
  }
  const shape = [...ids.shape, table.shape[1]];
  // Of no rows, every id is outside.
  if (table.shape[0] === 0) return full(shape, NaN);
  return reshape(apply(embeddingPrimitive, [table, reshape(ids, [ids.size])], undefined), shape);
}
