import type { CachedDecoder, DecoderCache } from "../models/causal.ts";
import type { Params } from "../nn/linear.ts";
import { any } from "../ops/any_all.ts";
import { argmax } from "../ops/argmax.ts";
import { maximum } from "../ops/arithmetic.ts";
import { isNaN } from "../ops/compare.ts";
import { zeros } from "../ops/full.ts";
import { categorical } from "../ops/random_discrete.ts";
import { foldIn, foldInEach, type Key } from "../ops/random.ts";
import { stack } from "../ops/slice.ts";
import { where } from "../ops/where.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { treeDispose } from "../tensor/tree.ts";
import { jit } from "../transform/jit.ts";
import { vmap } from "../transform/vmap.ts";
import { filtered, nextScores, readsWritten } from "./next_scores.ts";
import type { GenerateSettings } from "./options.ts";
import type { GenerationInput, Prompts } from "./prompts.ts";
import {
  asCount,
  capacityFor,
  limitsOf,
  placesOf,
  readPrompts,
  readTokens,
  repeatRows,
  type RowLimits,
  type RowState,
  withRoom,
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

/** A state, and a token of each row that it has not read yet, i32 `[R]`. */
interface Chosen<Cache extends DecoderCache> {
  readonly state: RowState<Cache>;
  readonly chosen: Tensor;
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

/** Keys of rows, u32 `[R, 2]`: each row draws from its own. */
function rowKeys(key: Key, rows: number): Tensor {
  return stack(foldInEach(key, rows));
}

/** What programs compute: the first tokens of rows, and those that follow. */
function tokenFunctions<Cache extends DecoderCache>(
  model: CachedDecoder<GenerationInput, Cache>,
  settings: GenerateSettings,
) {
  const times = settings.sampling?.texts ?? 1;
  const keepsTokens = readsWritten(settings);
  return {
    beginTexts(params: Params, input: GenerationInput, start: RowStart, capacity: number): Chosen<Cache> {
      const { keys, ...limits } = start;
      const begun = readPrompts(model, params, input, { ...limits, capacity, keepsTokens });
      const { logits, state } = repeatRows(begun, { rows: limits.most.size, times });
      const keyed = { ...state, keys };
      const generated = zeros([], { dtype: "i32" });
      return { state: keyed, chosen: chooseTokens(logits, settings, { state: keyed, generated }) };
    },
    continueTexts(params: Params, from: RowState<Cache>, chosen: Tensor, generated: Tensor): Chosen<Cache> {
      // A row without a token goes on with any other one.
      const { logits, state } = readTokens(model, params, from, maximum(chosen, 0));
      return { state, chosen: chooseTokens(logits, settings, { state, generated: asCount(generated) }) };
    },
  };
}

/** Programs for a model and settings; each is compiled once for each number of rows, of tokens and of slots. */
export function tokenPrograms<Cache extends DecoderCache>(
  model: CachedDecoder<GenerationInput, Cache>,
  settings: GenerateSettings,
): TokenPrograms {
  const { sampling } = settings;
  const { beginTexts, continueTexts } = tokenFunctions(model, settings);
  const begin = jit(beginTexts, { static: [3] });
  const proceed = jit(continueTexts, { donate: [1] });
  const grow = jit(withRoom<Cache>, { donate: [0], static: [1] });

  async function* tokens(params: Params, { input, slots, most, least }: Prompts) {
    const keys = sampling && rowKeys(sampling.key, most.length * sampling.texts);
    let capacity = capacityFor(slots + 1);
    let { state, chosen } = await begin(params, input, { ...limitsOf(most, least), keys }, capacity);
    try {
      for (let generated = 1;; generated++) {
        const current = chosen;
        const goesOn = generated < Math.max(...most);
        if (goesOn) {
          if (slots + generated > capacity) {
            capacity = capacityFor(slots + generated);
            state = await grow(state, capacity);
          }
          ({ state, chosen } = await proceed(params, state, current, generated));
        }
        const data = await current.data();
        current.dispose();
        yield Int32Array.from(data);
        if (!goesOn) return;
      }
    } finally {
      treeDispose(state);
      chosen.dispose();
    }
  }

  return { tokens, dispose: () => [begin, proceed, grow].forEach((program) => program.dispose()) };
}
