import type { CachedDecoder, DecoderCache } from "../models/causal.ts";
import type { Params } from "../nn/linear.ts";
import { any } from "../ops/any_all.ts";
import { cast } from "../ops/cast.ts";
import { isNaN } from "../ops/compare.ts";
import { zeros } from "../ops/full.ts";
import { expandDims } from "../ops/reshape.ts";
import { concat } from "../ops/slice.ts";
import { logSoftmax } from "../ops/softmax.ts";
import { topK } from "../ops/sort.ts";
import { tensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import {
  advanceBeams,
  type BeamSearch,
  type BeamSearchOptions,
  beginBeams,
  type Candidate,
  candidatesNeeded,
} from "./beam_search.ts";
import { nextScores, readsWritten } from "./next_scores.ts";
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

/** How rows go on, `R` of them: which row each one continues, by which token, and what is its log probability so far. */
interface Moves {
  readonly sources: Tensor;
  readonly tokens: Tensor;
  readonly sums: Tensor;
}

/** Programs that search for the most likely texts. */
export interface BeamPrograms {
  /** The search of each prompt when it has ended; `undefined` where logits are NaN. */
  search(params: Params, prompts: Prompts): Promise<(BeamSearch | undefined)[]>;
  /** Gives back the memory of the programs. */
  dispose(): void;
}

/** The `k` largest of each row of scores `[B, N]`, their places, and whether logits of the row are NaN: one tensor to read. */
function packed(scores: Tensor, k: number, isBad: Tensor): Tensor {
  const [values, places] = topK(scores, Math.min(k, scores.shape[1]));
  return concat([values, cast(places, "f32"), expandDims(cast(isBad, "f32"), 1)], { axis: 1 });
}

/** What was read of {@linkcode packed}; `undefined` where logits were NaN. */
function candidatesOf(row: Float32Array, vocabulary: number): Candidate[] | undefined {
  const k = (row.length - 1) / 2;
  if (row[2 * k] !== 0) return undefined;
  return Array.from({ length: k }, (_, i) => {
    const place = row[k + i];
    return { beam: Math.floor(place / vocabulary), token: place % vocabulary, logProbability: row[i] };
  });
}

/** How the rows of all searches go on; those of a search that has ended stay where they are. */
function movesOf(searches: readonly (BeamSearch | undefined)[], beams: number): Moves {
  const rows = searches.flatMap((search, b) =>
    Array.from({ length: beams }, (_, i) => {
      const beam = search?.running[i];
      const goesOn = search !== undefined && !search.isDone && beam !== undefined;
      return {
        source: b * beams + (goesOn ? search.sources[i] : i),
        token: goesOn ? beam.tokens[beam.tokens.length - 1] : 0,
        sum: goesOn ? beam.logProbability : 0,
      };
    })
  );
  return {
    sources: tensor(rows.map(({ source }) => source), { dtype: "i32" }),
    tokens: tensor(rows.map(({ token }) => token), { dtype: "i32" }),
    sums: tensor(rows.map(({ sum }) => sum)),
  };
}

/** What a search is made with. */
interface SearchSettings extends GenerateSettings {
  readonly beamSearch: Required<BeamSearchOptions>;
}

/**
 * What programs compute: the most likely continuations of prompts, and of each prompt's beams, f32 `[B, 2K + 1]` like
 * {@linkcode packed} has them.
 */
function searchFunctions<Cache extends DecoderCache>(
  model: CachedDecoder<GenerationInput, Cache>,
  settings: SearchSettings,
): RowFunctions<RowLimits, Moves, Cache> {
  const { beams } = settings.beamSearch;
  const k = candidatesNeeded({ beams, endTokens: settings.endTokens });
  const keepsTokens = readsWritten(settings);
  const scoresOf = (logits: Tensor, state: RowState<DecoderCache>, generated: Tensor) =>
    nextScores(logSoftmax(logits), settings, placesOf(state, generated));
  return {
    begin(params, input, limits, capacity) {
      const { logits, state } = readPrompts(model, params, input, { ...limits, capacity, keepsTokens });
      const scores = scoresOf(logits, state, zeros([], { dtype: "i32" }));
      const made = packed(scores, k, any(isNaN(logits), { axis: 1 }));
      return { state: takeStateRows(model, state, rowsOfEach(limits.most.size, beams)), made };
    },
    proceed(params, from, moves, generated) {
      const { logits, state } = readTokens(model, params, takeStateRows(model, from, moves.sources), moves.tokens);
      const sums = scoresOf(logits, state, asCount(generated)).add(expandDims(moves.sums, 1));
      const rows = [logits.shape[0] / beams, beams * logits.shape[1]];
      return { state, made: packed(sums.reshape(rows), k, any(isNaN(logits).reshape(rows), { axis: 1 })) };
    },
  };
}

/** The searches after the candidates that a program gave. */
function advanced(
  searches: readonly (BeamSearch | undefined)[],
  proposals: Float32Array,
  vocabulary: number,
): (BeamSearch | undefined)[] {
  const width = proposals.length / searches.length;
  return searches.map((search, b) => {
    if (search === undefined || search.isDone) return search;
    const candidates = candidatesOf(proposals.subarray(b * width, (b + 1) * width), vocabulary);
    return candidates && advanceBeams(search, candidates);
  });
}

/** Programs for a model and settings; each is compiled once for each number of prompts, of tokens and of slots. */
export function beamPrograms<Cache extends DecoderCache>(
  model: CachedDecoder<GenerationInput, Cache>,
  settings: SearchSettings,
): BeamPrograms {
  const { beamSearch, endTokens } = settings;
  const { vocabSize } = model.config;
  // Places are read as f32, which has all whole numbers up to here.
  if (beamSearch.beams * vocabSize > 2 ** 24) {
    throw new RangeError(
      `generate: ${beamSearch.beams} beams of ${vocabSize} tokens are more than can be numbered, 2^24`,
    );
  }
  const programs = rowPrograms(searchFunctions(model, settings));

  async function search(params: Params, prompts: Prompts) {
    const { lengths, most, least } = prompts;
    let searches: (BeamSearch | undefined)[] = lengths.map((promptLength, b) =>
      beginBeams({ ...beamSearch, endTokens, most: most[b], promptLength })
    );
    const rows = await programs.begin(params, prompts, limitsOf(most, least));
    try {
      for (;;) {
        const proposals = rows.made;
        const data = Float32Array.from(await proposals.data());
        proposals.dispose();
        searches = advanced(searches, data, vocabSize);
        if (searches.every((search) => search === undefined || search.isDone)) return searches;
        await rows.proceed(movesOf(searches, beamSearch.beams));
      }
    } finally {
      rows.dispose();
    }
  }

  return { search, dispose: () => programs.dispose() };
}
