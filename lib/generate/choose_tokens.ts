import type { CachedDecoder, DecoderCache } from "../models/causal.ts";
import { takeRows } from "../models/decoder_cache.ts";
import type { Params } from "../nn/linear.ts";
import { any } from "../ops/any_all.ts";
import { arange } from "../ops/arange.ts";
import { argmax } from "../ops/argmax.ts";
import { add, maximum } from "../ops/arithmetic.ts";
import { isNaN } from "../ops/compare.ts";
import { zeros } from "../ops/full.ts";
import { categorical } from "../ops/random_discrete.ts";
import { foldIn, type Key } from "../ops/random.ts";
import { where } from "../ops/where.ts";
import { tensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { vmap } from "../transform/vmap.ts";
import { filtered, nextScores, readsWritten } from "./next_scores.ts";
import type { GenerateSettings } from "./options.ts";
import type { GenerationInput, Prompts } from "./prompts.ts";
import { type RowFunctions, rowPrograms } from "./row_programs.ts";
import {
  asCount,
  limitsOf,
  placesOf,
  readPrompts,
  readTokens,
  type RowLimits,
  rowsOfEach,
  type RowState,
  takeStateRows,
} from "./row_state.ts";

/** What stands for a row's token where its logits are NaN. */
export const NO_TOKEN = -1;

/** A token of each of `R` rows from its logits f32 `[R, V]`, i32 `[R]`. */
function chooseTokens(
  logits: Tensor,
  settings: GenerateSettings,
  { state, generated }: { readonly state: RowState<DecoderCache>; readonly generated: Tensor },
): Tensor {
  const { sampling } = settings;
  const scores = nextScores(logits, settings, placesOf(state, generated));
  const draw = (key: Key, row: Tensor) => categorical(foldIn(key, generated), row);
  const chosen = sampling && state.keys
    ? vmap(draw)(state.keys, filtered(scores, sampling))
    : argmax(scores, { axis: 1 });
  return where(any(isNaN(logits), { axis: 1 }), NO_TOKEN, chosen);
}

/** What rows are begun with: their limits, and their keys where tokens are drawn. */
interface RowStart extends RowLimits {
  readonly keys: Tensor | undefined;
}

/** Programs that choose a token of each row at a time. */
export interface TokenPrograms {
  /**
   * Gives a token of each row at a time, {@linkcode NO_TOKEN} where its logits are NaN: the next ones are computed while
   * these are read. Rows that have ended go on.
   */
  tokens(params: Params, prompts: Prompts): AsyncGenerator<Int32Array, void, void>;
  /** Gives back the memory of the programs. */
  dispose(): void;
}

/** Keys of so many rows from the one of that number on, u32 `[R, 2]`: each row draws from its own. */
function rowKeys(key: Key, first: number, rows: number): Tensor {
  const numbers = add(arange(rows, { dtype: "u32" }), tensor([first], { dtype: "u32" }));
  return vmap((number: Tensor) => foldIn(key, number))(numbers);
}

/** What programs compute: the first tokens of rows, and those that follow, each of which its step has not read yet. */
function tokenFunctions<Cache extends DecoderCache>(
  model: CachedDecoder<GenerationInput, Cache>,
  settings: GenerateSettings,
): RowFunctions<RowStart, Tensor, Cache> {
  const times = settings.sampling?.texts ?? 1;
  const keepsTokens = readsWritten(settings);
  return {
    begin(params, input, start, capacity) {
      const { keys, ...limits } = start;
      const begun = readPrompts(model, params, input, { ...limits, capacity, keepsTokens });
      const rows = rowsOfEach(limits.most.size, times);
      const state = times === 1 ? begun.state : takeStateRows(model, begun.state, rows);
      const logits = times === 1 ? begun.logits : takeRows(begun.logits, rows);
      const keyed = { ...state, keys };
      const generated = zeros([], { dtype: "i32" });
      return { state: keyed, made: chooseTokens(logits, settings, { state: keyed, generated }) };
    },
    proceed(params, from, chosen, generated) {
      // A row without a token goes on with any other one.
      const { logits, state } = readTokens(model, params, from, maximum(chosen, 0));
      return { state, made: chooseTokens(logits, settings, { state, generated: asCount(generated) }) };
    },
  };
}

/** Programs for a model and settings; each is compiled once for each number of rows, of tokens and of slots. */
export function tokenPrograms<Cache extends DecoderCache>(
  model: CachedDecoder<GenerationInput, Cache>,
  settings: GenerateSettings,
): TokenPrograms {
  const { sampling } = settings;
  const programs = rowPrograms(tokenFunctions(model, settings));

  async function* tokens(params: Params, prompts: Prompts) {
    const { most, least, number } = prompts;
    const keys = sampling && rowKeys(sampling.key, number * sampling.texts, most.length * sampling.texts);
    const rows = await programs.begin(params, prompts, { ...limitsOf(most, least), keys });
    try {
      for (let generated = 1;; generated++) {
        const current = rows.made;
        const goesOn = generated < Math.max(...most);
        if (goesOn) await rows.proceed(current);
        const data = await current.data();
        current.dispose();
        yield Int32Array.from(data);
        if (!goesOn) return;
      }
    } finally {
      rows.dispose();
    }
  }

  return { tokens, dispose: () => programs.dispose() };
}
