import { greaterEqual, less } from "../ops/compare.ts";
import { expandDims } from "../ops/reshape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { keepMinP, keepTopK, keepTopP } from "./filters.ts";
import type { GenerateSettings } from "./options.ts";
import { forbidRepeats, forbidTokens, forceToken, penalizeRepetition } from "./processors.ts";
import type { Written } from "./written.ts";

/** Where rows stand when their next token is chosen. */
export interface RowPlaces {
  /** How many tokens were generated, an i32 scalar: all rows have as many. */
  readonly generated: Tensor;
  /** Fewest tokens of each row's text, i32 `[R]`. */
  readonly least: Tensor;
  /** Most tokens of each row's text, i32 `[R]`. */
  readonly most: Tensor;
  /** What stands in the rows, where {@linkcode readsWritten} says that it is needed. */
  readonly written: Written | undefined;
}

/** Whether what is written decides what may come next. */
export function readsWritten({ repetitionPenalty, noRepeatNGrams }: GenerateSettings): boolean {
  return repetitionPenalty !== 1 || noRepeatNGrams > 0;
}

/** Logits or log probabilities f32 `[R, V]` as the settings change them, in the order of transformers. */
export function nextScores(given: Tensor, settings: GenerateSettings, places: RowPlaces): Tensor {
  const { endTokens, forcedFirstToken, forcedLastToken, repetitionPenalty, noRepeatNGrams } = settings;
  const { generated, least, most, written } = places;
  let scores = given;
  if (written && repetitionPenalty !== 1) scores = penalizeRepetition(scores, written, repetitionPenalty);
  if (written && noRepeatNGrams > 0) scores = forbidRepeats(scores, written, noRepeatNGrams);
  if (settings.minLength > 0 || settings.minNewTokens > 0) {
    scores = forbidTokens(scores, endTokens, expandDims(less(generated, least), 1));
  }
  if (forcedFirstToken !== undefined) scores = forceToken(scores, forcedFirstToken, generated.equal(0).reshape([1, 1]));
  if (forcedLastToken !== undefined) {
    scores = forceToken(scores, forcedLastToken, expandDims(greaterEqual(generated.add(1), most), 1));
  }
  return scores;
}

/** Logits f32 `[R, V]` as sampling changes them, in the order of transformers. */
export function filtered(logits: Tensor, sampling: NonNullable<GenerateSettings["sampling"]>): Tensor {
  const { temperature, topK, topP, minP } = sampling;
  let kept = temperature === 1 ? logits : logits.div(temperature);
  if (topK !== undefined) kept = keepTopK(kept, topK);
  if (topP < 1) kept = keepTopP(kept, topP);
  if (minP > 0) kept = keepMinP(kept, minP);
  return kept;
}
