import { bytePairModel } from "./byte_pair_model.ts";
import type { Part } from "./part.ts";
import { unigramModel } from "./unigram_model.ts";
import { quoted } from "../../text/quoted.ts";
import { isCount } from "../../text/is_count.ts";
import { isObject } from "../../text/is_object.ts";

/** Cuts words into pieces of a vocabulary. */
export interface TokenModel {
  /** Ids by piece. */
  readonly vocab: ReadonlyMap<string, number>;
  /** Pieces that it counts: the next id, where ids have no gaps. */
  readonly size: number;
  /** The piece of what the vocabulary lacks; without one, that is dropped. */
  readonly unknown?: string;
  /** The piece of an id, where ids of one piece are several. */
  pieceOf?(id: number): string | undefined;
  /** Ids of a word's pieces. */
  encode(word: string): readonly number[];
}

/** More pieces have no name here: a greater id is a fault of the file. */
const MAX_ID = 2 ** 31 - 1;

/**
 * The model of a `tokenizer.json`: WordPiece, WordLevel, BPE or Unigram. Throws a TypeError that names what is missing,
 * wrong, or not supported.
 */
export function tokenModelOf(part: unknown): TokenModel {
  if (!isObject(part)) throw new TypeError("there is no model");
  const type = part.type ?? (Array.isArray(part.vocab) ? "Unigram" : part.merges === undefined ? "WordPiece" : "BPE");
  switch (type) {
    case "WordPiece":
      return wordPieceOf(part);
    case "WordLevel":
      return wordLevelOf(part);
    case "BPE":
      return bytePairOf(part);
    case "Unigram":
      return unigramOf(part);
    default:
      throw new TypeError(`model ${quoted(type)} is not one of WordPiece, WordLevel, BPE, Unigram`);
  }
}

function vocabularyOf({ vocab }: Part): Map<string, number> {
  if (!isObject(vocab)) throw new TypeError("there is no vocabulary at model.vocab");
  const pieces = new Map<string, number>();
  for (const [piece, id] of Object.entries(vocab)) {
    if (!isCount(id) || id > MAX_ID) {
      throw new TypeError(`model.vocab gives ${quoted(piece)} the id ${quoted(id)}`);
    }
    pieces.set(piece, id);
  }
  return pieces;
}

function unknownOf({ unk_token: unknown }: Part, vocab: ReadonlyMap<string, number>): string {
  if (typeof unknown !== "string" || !vocab.has(unknown)) {
    throw new TypeError(`model.unk_token ${quoted(unknown)} is not in the vocabulary`);
  }
  return unknown;
}

/** A text, or nothing. */
function expectText(name: string, value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value !== "string") throw new TypeError(`model.${name} is no text: ${quoted(value)}`);
  return value;
}

/** A flag, false where it is missing. */
function expectFlag(name: string, value: unknown): boolean {
  if (value !== undefined && value !== null && typeof value !== "boolean") {
    throw new TypeError(`model.${name} is neither true nor false: ${quoted(value)}`);
  }
  return value === true;
}

function wordLevelOf(part: Part): TokenModel {
  const vocab = vocabularyOf(part);
  const unknown = unknownOf(part, vocab);
  const unknownIds = [vocab.get(unknown)!];
  const encode = (word: string) => {
    const id = vocab.get(word);
    return id === undefined ? unknownIds : [id];
  };
  return { vocab, size: vocab.size, unknown, encode };
}

function wordPieceOf(part: Part): TokenModel {
  const vocab = vocabularyOf(part);
  const { max_input_chars_per_word: most = 100 } = part;
  const unknown = unknownOf({ unk_token: "[UNK]", ...part }, vocab);
  const prefix = expectText("continuing_subword_prefix", part.continuing_subword_prefix ?? "##");
  if (typeof most !== "number" || !Number.isSafeInteger(most) || most < 0) {
    throw new TypeError(`model.max_input_chars_per_word is no count: ${quoted(most)}`);
  }
  let longest = 0;
  for (const piece of vocab.keys()) longest = Math.max(longest, piece.length);
  const unknownIds = [vocab.get(unknown)!];
  const encode = (word: string): readonly number[] => {
    // A character is one or two code units.
    if (word.length > most && (word.length > 2 * most || [...word].length > most)) return unknownIds;
    const ids: number[] = [];
    for (let start = 0; start < word.length;) {
      let [end, id]: [number, number | undefined] = [Math.min(word.length, start + longest), undefined];
      for (; end > start; end--) {
        id = vocab.get(start > 0 ? prefix + word.slice(start, end) : word.slice(start, end));
        if (id !== undefined) break;
      }
      if (id === undefined) return unknownIds;
      ids.push(id);
      start = end;
    }
    return ids;
  };
  return { vocab, size: vocab.size, unknown, encode };
}

/** Pairs of pieces with the piece that they become. */
function mergesOf({ merges }: Part, vocab: ReadonlyMap<string, number>, prefix: string): [string, string, string][] {
  if (!Array.isArray(merges)) throw new TypeError("there is no list of merges at model.merges");
  const isPair = (value: unknown): value is [left: string, right: string] =>
    Array.isArray(value) && value.length === 2 && value.every((piece) => vocab.has(piece));
  return merges.map((merge, i) => {
    const pair: unknown = typeof merge === "string" ? merge.split(" ") : merge;
    if (isPair(pair)) {
      const [left, right] = pair;
      const merged = left + right.slice(prefix.length);
      if (vocab.has(merged)) return [left, right, merged];
    }
    throw new TypeError(`model.merges[${i}] joins no two pieces of the vocabulary to a third: ${quoted(merge)}`);
  });
}

function bytePairOf(part: Part): TokenModel {
  const vocab = vocabularyOf(part);
  if (part.dropout) throw new TypeError("model BPE with dropout is not supported");
  const prefix = expectText("continuing_subword_prefix", part.continuing_subword_prefix);
  return bytePairModel({
    vocab,
    merges: mergesOf(part, vocab, prefix),
    ...part.unk_token !== undefined && part.unk_token !== null && { unknown: unknownOf(part, vocab) },
    prefix,
    suffix: expectText("end_of_word_suffix", part.end_of_word_suffix),
    fuseUnknown: expectFlag("fuse_unk", part.fuse_unk),
    byteFallback: expectFlag("byte_fallback", part.byte_fallback),
    ignoreMerges: expectFlag("ignore_merges", part.ignore_merges),
  });
}

function unigramOf(part: Part): TokenModel {
  const { vocab: list, unk_id: unknownId = null } = part;
  const isPiece = (entry: unknown): entry is [piece: string, score: number] =>
    Array.isArray(entry) && entry.length === 2 && typeof entry[0] === "string" && Number.isFinite(entry[1]);
  if (!Array.isArray(list) || list.length === 0) throw new TypeError("there is no list of pieces at model.vocab");
  const pieces = list.filter(isPiece);
  if (pieces.length < list.length) {
    const wrong = list.findIndex((entry) => !isPiece(entry));
    throw new TypeError(`model.vocab[${wrong}] is no piece with its score: ${quoted(list[wrong])}`);
  }
  if (!isCount(unknownId) || !pieces[unknownId]) {
    throw new TypeError(`model.unk_id is no index of model.vocab: ${quoted(unknownId)}`);
  }
  return unigramModel({
    pieces,
    unknownId,
    byteFallback: expectFlag("byte_fallback", part.byte_fallback),
  });
}
