import { embedding } from "../ops/embedding.ts";
import { reshape } from "../ops/reshape.ts";
import { takeAlong } from "../ops/take_along.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Tree, treeMap } from "../tensor/tree.ts";

/** Rows of a tensor `[B, ...]` by their numbers, i32 `[N]`: `[N, ...]`. */
function rowsOf(x: Tensor, rows: Tensor): Tensor {
  const [B, ...rest] = x.shape;
  if (x.dtype === "f32") return reshape(embedding(reshape(x, [B, -1]), rows), [rows.size, ...rest]);
  return takeAlong(x, reshape(rows, [rows.size, ...rest.map(() => 1)]), { axis: 0 });
}

/** A tree of tensors with rows in front, in another order, or with rows that are there several times. */
export function takeRows<T extends Tree>(tree: T, rows: Tensor): T {
  return treeMap((leaf) => rowsOf(leaf, rows), tree);
}
