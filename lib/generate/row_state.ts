import type { CachedDecoder, DecoderCache } from "../models/causal.ts";
import { fillSlots, takeRows } from "../models/decoder_cache.ts";
import type { Params } from "../nn/linear.ts";
import { arange } from "../ops/arange.ts";
import { cast } from "../ops/cast.ts";
import { pad } from "../ops/pad.ts";
import { expandDims } from "../ops/reshape.ts";
import { where } from "../ops/where.ts";
import { tensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { RowPlaces } from "./next_scores.ts";
import type { GenerationInput } from "./prompts.ts";

/** What stays on the device between the tokens of `R` rows. */
export interface RowState<Cache extends DecoderCache> extends RowLimits {
  readonly cache: Cache;
  /** What is written, i32 `[R, S]`, where what follows depends on it. */
  readonly tokens: Tensor | undefined;
  /** The key of each row, u32 `[R, 2]`, where tokens are drawn. */
  readonly keys: Tensor | undefined;
}

/** What is known of rows beside their tokens. */
export interface RowLimits {
  /** Most tokens of each row's text, i32. */
  readonly most: Tensor;
  /** Fewest tokens of each row's text, i32. */
  readonly least: Tensor;
}

/** Limits of rows, from numbers. */
export function limitsOf(most: readonly number[], least: readonly number[]): RowLimits {
  return { most: tensor([...most], { dtype: "i32" }), least: tensor([...least], { dtype: "i32" }) };
}

/** Slots of a cache: few sizes, so that few programs are compiled, and at most twice as many as are needed. */
export function capacityFor(slots: number): number {
  return Math.max(64, 2 ** Math.ceil(Math.log2(slots)));
}

/** How many tokens were generated: numbers reach a jitted function as f32. */
export const asCount = (generated: Tensor): Tensor => cast(generated, "i32");

/** Rows of tokens `[R, S]` with room for so many. */
const lengthened = (tokens: Tensor, capacity: number) => pad(tokens, { width: [0, [0, capacity - tokens.shape[1]]] });

/** Reads prompts: logits `[B, V]` of what follows each, and the state with a row for each prompt. */
export function readPrompts<Cache extends DecoderCache>(
  model: CachedDecoder<GenerationInput, Cache>,
  params: Params,
  input: GenerationInput,
  { most, least, capacity, keepsTokens }: RowLimits & { readonly capacity: number; readonly keepsTokens: boolean },
): { readonly logits: Tensor; readonly state: RowState<Cache> } {
  const { logits, cache } = model.prefill(params, input, { capacity });
  const tokens = keepsTokens ? lengthened(input.decoderInputIds, capacity) : undefined;
  return { logits, state: { cache, tokens, most, least, keys: undefined } };
}

/** Numbers of rows, each of them so many times, i32. */
export function rowsOfEach(rows: number, times: number): Tensor {
  return expandDims(arange(rows), 1).broadcastTo([rows, times]).reshape([-1]);
}

/** A state whose rows are those of the given numbers, i32; those of one prompt stay neighbours. */
export function takeStateRows<Cache extends DecoderCache>(
  model: CachedDecoder<GenerationInput, Cache>,
  { cache, ...rest }: RowState<Cache>,
  rows: Tensor,
): RowState<Cache> {
  return { ...takeRows(rest, rows), cache: model.takeRows ? model.takeRows(cache, rows) : takeRows(cache, rows) };
}

/** Reads one more token of each row, i32 `[R]`. */
export function readTokens<Cache extends DecoderCache>(
  model: CachedDecoder<GenerationInput, Cache>,
  params: Params,
  state: RowState<Cache>,
  next: Tensor,
): { readonly logits: Tensor; readonly state: RowState<Cache> } {
  const { tokens } = state;
  const { logits, cache } = model.step(params, next, state.cache);
  const isHere = (slots: number) => arange(slots).equal(expandDims(state.cache.length, 1));
  const written = tokens && where(isHere(tokens.shape[1]), expandDims(next, 1), tokens);
  return { logits, state: { ...state, cache, tokens: written } };
}

/** Where the rows of a state stand. */
export function placesOf({ cache, tokens, most, least }: RowState<DecoderCache>, generated: Tensor): RowPlaces {
  const { first, length } = cache;
  return { generated, most, least, written: tokens && { tokens, first, length } };
}

/** The state with room for more tokens. */
export function withRoom<Cache extends DecoderCache>(state: RowState<Cache>, capacity: number): RowState<Cache> {
  const { cache, tokens } = state;
  const more = (slots: Tensor) => fillSlots(slots, capacity);
  return {
    ...state,
    cache: { ...cache, keys: cache.keys.map(more), values: cache.values.map(more) },
    tokens: tokens && lengthened(tokens, capacity),
  };
}
