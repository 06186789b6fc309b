import type { Key } from "../ops/random.ts";
import { isCount } from "../text/is_count.ts";
import { quoted } from "../text/quoted.ts";
import type { BeamSearchOptions } from "./beam_search.ts";

/** How tokens are drawn. */
export interface SamplingOptions {
  /** What is drawn from: the same key gives the same texts. Each prompt draws from keys of its own, by its number. */
  readonly key: Key;
  /** What logits are divided by: below 1 likely tokens become more likely. 1 by default. */
  readonly temperature?: number;
  /** Draws from so many of the most likely tokens, the way {@linkcode keepTopK} keeps them; from all by default. */
  readonly topK?: number;
  /** Draws from the tokens that {@linkcode keepTopP} keeps; from all by default. */
  readonly topP?: number;
  /** Draws from the tokens that {@linkcode keepMinP} keeps; from all by default. */
  readonly minP?: number;
  /** How many texts are drawn for each prompt, 1 by default. */
  readonly texts?: number;
}

/** What all ways of generating share. Lengths count tokens. */
export interface LimitOptions {
  /** The tokens that end a text, which is given with the one that ended it. */
  readonly endTokens?: number | readonly number[];
  /** Most tokens of a text; by default 256, or fewer where the model has no more positions. */
  readonly maxNewTokens?: number;
  /** Fewest tokens of a text before one may end it, 0 by default. */
  readonly minNewTokens?: number;
  /** Most tokens of prompt and text together, each prompt's own without padding, in the place of `maxNewTokens`. */
  readonly maxLength?: number;
  /** Fewest tokens of prompt and text together, each prompt's own without padding. */
  readonly minLength?: number;
  /** What makes tokens less likely that were there before: {@linkcode penalizeRepetition}; 1, none, by default. */
  readonly repetitionPenalty?: number;
  /** Lets no sequence of so many tokens appear twice: {@linkcode forbidRepeats}. */
  readonly noRepeatNGrams?: number;
  /** What every text begins with, like BART's. */
  readonly forcedFirstToken?: number;
  /** What a text of the greatest length ends with, like BART's. */
  readonly forcedLastToken?: number;
  /**
   * What the decoder of an encoder-decoder begins with; the prompts go to its encoder, and lengths count the decoder's
   * tokens. By default the model's own where its config has `tokens`; else it has a decoder alone, which goes on from the
   * prompt.
   */
  readonly decoderStart?: number | readonly number[];
}

/** How texts are generated: by the most likely token, unless `sampling` or `beamSearch` says otherwise. */
export interface GenerateOptions extends LimitOptions {
  /** Draws each token. */
  readonly sampling?: SamplingOptions;
  /** Looks for the most likely text among several. */
  readonly beamSearch?: BeamSearchOptions;
}

/** The options with their defaults. */
export interface GenerateSettings {
  readonly endTokens: readonly number[];
  readonly maxNewTokens: number | undefined;
  readonly minNewTokens: number;
  readonly maxLength: number | undefined;
  readonly minLength: number;
  readonly repetitionPenalty: number;
  readonly noRepeatNGrams: number;
  readonly forcedFirstToken: number | undefined;
  readonly forcedLastToken: number | undefined;
  readonly decoderStart: readonly number[] | undefined;
  readonly sampling: Required<Omit<SamplingOptions, "topK">> & { readonly topK: number | undefined } | undefined;
  readonly beamSearch: Required<BeamSearchOptions> | undefined;
}

function requireThat(isSo: boolean, name: string, value: unknown, wanted: string): void {
  if (!isSo) throw new RangeError(`generate: ${name} is ${wanted}, not ${quoted(value)}`);
}

const isPositive = (value: number) => value > 0 && value < Infinity;

function checkSampling(given: SamplingOptions): NonNullable<GenerateSettings["sampling"]> {
  const { key, temperature = 1, topK, topP = 1, minP = 0, texts = 1 } = given;
  requireThat(isPositive(temperature), "temperature", temperature, "a number above 0 (greedy texts need no sampling)");
  requireThat(topK === undefined || isCount(topK) && topK > 0, "topK", topK, "a whole number from 1");
  requireThat(topP > 0 && topP <= 1, "topP", topP, "a number above 0 and at most 1");
  requireThat(minP >= 0 && minP <= 1, "minP", minP, "a number from 0 to 1");
  requireThat(isCount(texts) && texts > 0, "texts", texts, "a whole number from 1");
  return { key, temperature, topK, topP, minP, texts };
}

function checkBeams(given: BeamSearchOptions, vocabulary: number): Required<BeamSearchOptions> {
  const { beams, lengthPenalty = 1, penaltyOver = "generated", earlyStopping = false, best = 1 } = given;
  requireThat(isCount(beams) && beams >= 2, "beams", beams, "a whole number from 2 (one beam is a greedy text)");
  requireThat(beams <= vocabulary, "beams", beams, `a whole number up to ${vocabulary}, the vocabulary's size`);
  requireThat(Number.isFinite(lengthPenalty), "lengthPenalty", lengthPenalty, "a finite number");
  const over = ["generated", "sequence"];
  requireThat(over.includes(penaltyOver), "penaltyOver", penaltyOver, `"generated" or "sequence"`);
  const ends = [true, false, "never"];
  requireThat(ends.includes(earlyStopping), "earlyStopping", earlyStopping, `true, false or "never"`);
  requireThat(
    isCount(best) && best >= 1 && best <= beams,
    "best",
    best,
    `a whole number from 1 to ${beams}, the beams`,
  );
  return { beams, lengthPenalty, penaltyOver, earlyStopping, best };
}

function tokenList(name: string, given: number | readonly number[] | undefined, vocabulary: number): readonly number[] {
  const tokens = given === undefined ? [] : typeof given === "number" ? [given] : given;
  for (const token of tokens) {
    requireThat(
      isCount(token) && token < vocabulary,
      name,
      token,
      `a token below ${vocabulary}, the vocabulary's size`,
    );
  }
  return tokens;
}

function checkLengths(options: GenerateOptions, endTokens: readonly number[]): void {
  const { maxNewTokens, maxLength, minNewTokens, minLength } = options;
  for (const [name, value] of Object.entries({ maxNewTokens, maxLength, minNewTokens, minLength })) {
    requireThat(value === undefined || isCount(value), name, value, "a whole number from 0");
  }
  if (maxNewTokens !== undefined && maxLength !== undefined) {
    throw new RangeError("generate: maxNewTokens and maxLength say the same in two ways: leave one of them out");
  }
  if (minNewTokens !== undefined && maxNewTokens !== undefined && minNewTokens > maxNewTokens) {
    throw new RangeError(`generate: minNewTokens, ${minNewTokens}, is more than maxNewTokens, ${maxNewTokens}`);
  }
  if (minLength !== undefined && maxLength !== undefined && minLength > maxLength) {
    throw new RangeError(`generate: minLength, ${minLength}, is more than maxLength, ${maxLength}`);
  }
  if (endTokens.length > 0) return;
  if (minNewTokens !== undefined || minLength !== undefined) {
    throw new RangeError("generate: a least length puts off an end token, and endTokens names none");
  }
  if (maxNewTokens === undefined && maxLength === undefined) {
    throw new RangeError(
      "generate: there is no end token: name some in endTokens, or say how long texts are by maxNewTokens",
    );
  }
}

/**
 * Checks options and fills in defaults.
 *
 * Throws a RangeError that says what is wrong.
 */
export function checkOptions(
  options: GenerateOptions,
  { vocabSize: vocabulary, tokens }: {
    readonly vocabSize: number;
    readonly tokens?: { readonly decoderStartId: number };
  },
): GenerateSettings {
  const { repetitionPenalty = 1, noRepeatNGrams = 0, sampling, beamSearch } = options;
  const endTokens = [...new Set(tokenList("an end token", options.endTokens, vocabulary))];
  checkLengths(options, endTokens);
  requireThat(isPositive(repetitionPenalty), "repetitionPenalty", repetitionPenalty, "a number above 0");
  requireThat(isCount(noRepeatNGrams), "noRepeatNGrams", noRepeatNGrams, "a whole number from 0");
  tokenList("forcedFirstToken", options.forcedFirstToken, vocabulary);
  tokenList("forcedLastToken", options.forcedLastToken, vocabulary);
  const { decoderStart = tokens?.decoderStartId } = options;
  if (sampling && beamSearch) {
    throw new RangeError("generate: a beam search draws nothing: choose sampling or beamSearch");
  }
  if (typeof decoderStart === "object" && decoderStart.length === 0) {
    throw new RangeError("generate: decoderStart is empty: a decoder needs a token to begin with");
  }
  return {
    endTokens,
    maxNewTokens: options.maxNewTokens,
    minNewTokens: options.minNewTokens ?? 0,
    maxLength: options.maxLength,
    minLength: options.minLength ?? 0,
    repetitionPenalty,
    noRepeatNGrams,
    forcedFirstToken: options.forcedFirstToken,
    forcedLastToken: options.forcedLastToken,
    decoderStart: decoderStart === undefined ? undefined : tokenList("decoderStart", decoderStart, vocabulary),
    sampling: sampling && checkSampling(sampling),
    beamSearch: beamSearch && checkBeams(beamSearch, vocabulary),
  };
}
