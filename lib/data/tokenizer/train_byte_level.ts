import { BYTE_CHARACTERS } from "./byte_level.ts";
import { MergeLearner } from "./merge_learner.ts";
import { preTokenizerOf } from "./pre_tokenizer.ts";
import type { TokenizerJson } from "./tokenizer.ts";

/** Options of {@linkcode trainByteLevel}. */
export interface TrainByteLevelOptions {
  /** Most pieces, special tokens and the 256 bytes included; 2,000 by default. */
  readonly vocabSize?: number;
  /** Tokens that texts do not hold, which get the first ids; `<|endoftext|>` by default. */
  readonly specialTokens?: readonly string[];
  /** How often a pair must be seen to become a piece; 0 by default, as in Hugging Face's tokenizers. */
  readonly minFrequency?: number;
}

/** How GPT-2 cuts texts into words: nothing is put before them. */
const WORDS = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };

/**
 * Learns a byte-level BPE vocabulary, GPT-2's kind, from texts, and gives its `tokenizer.json`. It is a pure function of
 * the texts and the options, and has the pieces, merges and ids that `BpeTrainer` of Hugging Face's tokenizers learns
 * with the alphabet of all bytes. It may be smaller than `vocabSize` where texts have no more pairs.
 *
 * Throws a RangeError where `vocabSize` has no room for the special tokens and the bytes, or a special token is empty or
 * there twice.
 *
 * @see [Neural Machine Translation of Rare Words with Subword Units](https://arxiv.org/abs/1508.07909)
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * const json = data.trainByteLevel(["low lower lowest"], { vocabSize: 260 });
 * const tokenizer = data.tokenizerFromJson(json, { eos_token: "<|endoftext|>" });
 * console.log(tokenizer.decode(tokenizer.encode("lower").ids), tokenizer.vocabSize, tokenizer.eosId); // lower 260 0
 * ```
 */
export function trainByteLevel(texts: Iterable<string>, options: TrainByteLevelOptions = {}): TokenizerJson {
  const { vocabSize = 2000, specialTokens = ["<|endoftext|>"], minFrequency = 0 } = options;
  // A special token may be the character of a byte, which is that token then.
  const alphabet = [...BYTE_CHARACTERS].filter((c) => !specialTokens.includes(c)).sort((a, b) => a < b ? -1 : 1);
  const pieces = [...specialTokens, ...alphabet];
  if (new Set(specialTokens).size < specialTokens.length || specialTokens.includes("")) {
    throw new RangeError(`Cannot train a vocabulary as special tokens must be texts of their own: ${specialTokens}`);
  }
  if (!(vocabSize >= pieces.length)) {
    throw new RangeError(
      `Cannot train a vocabulary of ${vocabSize} pieces as bytes and special tokens are ${pieces.length}`,
    );
  }
  const ids = new Map(pieces.map((piece, id) => [piece, id]));
  const words = Array.from(countWords(texts), ([word, count]) => [[...word].map((c) => ids.get(c)!), count] as const);
  const learner = new MergeLearner(words);
  const merges = new Map<string, readonly [left: string, right: string]>();
  for (let top = pieces.length < vocabSize ? learner.next() : undefined; top; top = learner.next()) {
    if (top.count < minFrequency) break;
    const pair = [pieces[top.left], pieces[top.right]] as const;
    const merged = pair.join("");
    const id = ids.get(merged) ?? pieces.push(merged) - 1;
    ids.set(merged, id);
    learner.merge(top, id);
    // A pair that comes again, of another making of its parts, counts from then on.
    merges.delete(pair.join(" "));
    merges.set(pair.join(" "), pair);
    if (pieces.length >= vocabSize) break;
  }
  return tokenizerJson(ids, [...merges.values()], specialTokens);
}

/** How often each word stands in the texts, in GPT-2's characters for bytes. */
function countWords(texts: Iterable<string>): Map<string, number> {
  const cut = preTokenizerOf(WORDS);
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const word of cut(text.toWellFormed(), true).words) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return counts;
}

function tokenizerJson(
  vocab: ReadonlyMap<string, number>,
  merges: readonly (readonly [string, string])[],
  specialTokens: readonly string[],
): TokenizerJson {
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content, id) => ({ id, content, ...flags })),
    normalizer: null,
    pre_tokenizer: WORDS,
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(vocab),
      merges,
    },
  };
}
