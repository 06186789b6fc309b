import { attention } from "../nn/attention.ts";
import { dynamicUpdateSlice, embedding, pad, stack, takeAlong } from "../ops/mod.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Tree, treeMap } from "../tensor/tree.ts";
import { vmap } from "../transform/vmap.ts";
import type { DecoderCache } from "./causal.ts";
import type { Projected } from "./decoder.ts";

/** Keys or values f32 `[B, G, T, d]` in the first of so many slots `[B, G, capacity, d]`; the others are zero. */
export function fillSlots(x: Tensor, capacity: number): Tensor {
  const spare = capacity - x.shape[2];
  return spare === 0 ? x : pad(x, { width: [0, 0, [0, spare], 0] });
}

/** Throws a RangeError that names the model where a prompt of T tokens has no room. */
export function requireRoom(name: string, T: number, capacity: number): void {
  if (capacity < T) throw new RangeError(`${name}: ${T} tokens do not fit into a cache of ${capacity}`);
}

/** Slots f32 `[B, G, S, d]` with the keys or values of one token a row `[B, G, 1, d]` at the slot i32 `[B]` of each row. */
function writeSlots(slots: Tensor, x: Tensor, at: Tensor): Tensor {
  const write = (row: Tensor, token: Tensor, slot: Tensor) => dynamicUpdateSlice(row, token, { start: [0, slot, 0] });
  return vmap(write)(slots, x, at);
}

/** Keys and values of the layers that read a prompt, in so many slots. */
export function slotsOf(layers: readonly Projected[], capacity: number): Pick<DecoderCache, "keys" | "values"> {
  return {
    keys: layers.map(({ k }) => fillSlots(k, capacity)),
    values: layers.map(({ v }) => fillSlots(v, capacity)),
  };
}

/** Attention of one token a row, f32 `[B, H, 1, d]`, to the slots from `first` up to `end`, i32 `[B]` each. */
function attendToSlots(
  q: Tensor,
  slots: { readonly keys: Tensor; readonly values: Tensor },
  { first, end }: { readonly first: Tensor; readonly end: Tensor },
): Tensor {
  const spans = stack([first, end], { axis: 1 }).expandDims(1);
  return attention(q, slots.keys, slots.values, { spans });
}

/** A step of one token a row: what layers attend to, and the cache when all of them have. */
export interface CacheStep<Cache> {
  /** Writes a layer's keys and values into its slots, and attends to what stands there: `[B, H, 1, d]`. */
  attend(projected: Projected, layer: number): Tensor;
  /** The cache with the token. */
  written(): Cache;
}

/** Begins a step that writes each row's token at the cache's own length. */
export function stepInto<Cache extends DecoderCache>(cache: Cache): CacheStep<Cache> {
  const { first, length } = cache;
  const end = length.add(1);
  const [keys, values]: [Tensor[], Tensor[]] = [[], []];
  return {
    attend({ q, k, v }, layer) {
      keys[layer] = writeSlots(cache.keys[layer], k, length);
      values[layer] = writeSlots(cache.values[layer], v, length);
      return attendToSlots(q, { keys: keys[layer], values: values[layer] }, { first, end });
    },
    written: () => ({ ...cache, keys, values, length: end }),
  };
}

/** Rows of a tensor f32 or i32 `[B, ...]` by their numbers i32 `[N]`: `[N, ...]`. */
function takeRowsOf(x: Tensor, rows: Tensor): Tensor {
  if (x.rank === 1) return takeAlong(x, rows);
  const [B, ...rest] = x.shape;
  if (x.dtype === "f32") return embedding(x.reshape([B, -1]), rows).reshape([rows.size, ...rest]);
  const places = rows.reshape([rows.size, ...rest.map(() => 1)]).broadcastTo([rows.size, ...rest]);
  return takeAlong(x, places, { axis: 0 });
}

/**
 * A cache whose rows are those of the given numbers, i32 `[N]`: beams in another order, or each prompt as often as it has
 * beams. It takes any tree of tensors with rows in front.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * await dd.openDevice();
 * const cache = { keys: [dd.tensor([[1], [2]])], length: dd.tensor([5, 7], { dtype: "i32" }) };
 * const { keys, length } = dd.models.takeRows(cache, dd.tensor([1, 1, 0], { dtype: "i32" }));
 * console.log(await keys[0].data(), await length.data()); // Float32Array [2, 2, 1] Int32Array [7, 7, 5]
 * ```
 */
export function takeRows<Cache extends Tree>(cache: Cache, rows: Tensor): Cache {
  return treeMap((leaf) => takeRowsOf(leaf, rows), cache);
}
