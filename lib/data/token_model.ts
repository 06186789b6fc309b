import { BPE, Unigram, WordPiece } from "@huggingface/tokenizers";
import type { Part } from "./normalizer.ts";
import { quoted } from "../io/quoted.ts";

/** Cuts words into pieces of a vocabulary. */
export interface TokenModel {
  /** Ids by piece. */
  readonly vocab: ReadonlyMap<string, number>;
  /** The piece of what the vocabulary lacks; without one, that is dropped. */
  readonly unknown?: string;
  /** Ids of a word's pieces. */
  encode(word: string): number[];
}

/** More pieces have no name here: a greater id is a fault of the file. */
const MAX_ID = 2 ** 31 - 1;

/**
 * The model of a `tokenizer.json`: WordPiece, BPE or Unigram of @huggingface/tokenizers, once its settings are known to
 * be whole. Throws a TypeError that names what is missing, wrong, or not supported.
 */
export function tokenModelOf(part: Part | undefined): TokenModel {
  if (!isRecord(part)) throw new TypeError("there is no model");
  const type = part.type ?? (Array.isArray(part.vocab) ? "Unigram" : part.merges === undefined ? "WordPiece" : "BPE");
  switch (type) {
    case "WordPiece":
      return wordPieceModel(part);
    case "BPE":
      return bytePairModel(part);
    case "Unigram":
      return unigramModel(part);
    default:
      throw new TypeError(`model ${quoted(type)} is not one of WordPiece, BPE, Unigram`);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function vocabularyOf({ vocab }: Part): Map<string, number> {
  if (!isRecord(vocab)) throw new TypeError("there is no vocabulary at model.vocab");
  const pieces = new Map<string, number>();
  for (const [piece, id] of Object.entries(vocab)) {
    if (!Number.isSafeInteger(id) || (id as number) < 0 || (id as number) > MAX_ID) {
      throw new TypeError(`model.vocab gives ${quoted(piece)} the id ${quoted(id)}`);
    }
    pieces.set(piece, id as number);
  }
  return pieces;
}

/** What the library's classes take; they are checked before. */
type Settings<T extends abstract new (...settings: never[]) => unknown> = ConstructorParameters<T>[0];

function wordPieceModel(part: Part): TokenModel {
  const vocab = vocabularyOf(part);
  const {
    unk_token: unknown = "[UNK]",
    continuing_subword_prefix = "##",
    max_input_chars_per_word = 100,
  } = part;
  if (typeof unknown !== "string" || !vocab.has(unknown)) {
    throw new TypeError(`model.unk_token ${quoted(unknown)} is not in the vocabulary`);
  }
  expectText("continuing_subword_prefix", continuing_subword_prefix);
  if (!Number.isSafeInteger(max_input_chars_per_word) || (max_input_chars_per_word as number) < 0) {
    throw new TypeError(`model.max_input_chars_per_word is no count: ${quoted(max_input_chars_per_word)}`);
  }
  const model = new WordPiece(
    {
      type: "WordPiece",
      vocab: Object.fromEntries(vocab),
      unk_token: unknown,
      continuing_subword_prefix,
      max_input_chars_per_word,
    } as Settings<typeof WordPiece>,
  );
  return { vocab, unknown, encode: (word) => model.encode([word]).map((piece) => vocab.get(piece)!) };
}

function expectText(name: string, value: unknown): void {
  if (typeof value !== "string") throw new TypeError(`model.${name} is no text: ${quoted(value)}`);
}

function mergesOf({ merges }: Part, vocab: ReadonlyMap<string, number>): [string, string][] {
  if (!Array.isArray(merges)) throw new TypeError("there is no list of merges at model.merges");
  return merges.map((merge, i) => {
    const pair = typeof merge === "string" ? merge.split(" ") : merge;
    const isPair = Array.isArray(pair) && pair.length === 2 && pair.every((piece) => vocab.has(piece));
    if (!isPair || !vocab.has(pair.join(""))) {
      throw new TypeError(
        `model.merges[${i}] joins no two pieces of the vocabulary to a third: ${quoted(merge)}`,
      );
    }
    return pair as [string, string];
  });
}

function bytePairModel(part: Part): TokenModel {
  const vocab = vocabularyOf(part);
  const merges = mergesOf(part, vocab);
  const { unk_token: unknown, dropout, continuing_subword_prefix: prefix, end_of_word_suffix: suffix } = part;
  if (dropout) throw new TypeError("model BPE with dropout is not supported");
  if (prefix) throw new TypeError("model BPE with continuing_subword_prefix is not supported");
  if (suffix) expectText("end_of_word_suffix", suffix);
  if (unknown !== undefined && unknown !== null && (typeof unknown !== "string" || !vocab.has(unknown))) {
    throw new TypeError(`model.unk_token ${quoted(unknown)} is not in the vocabulary`);
  }
  const known = { fuse_unk: part.fuse_unk, byte_fallback: part.byte_fallback, ignore_merges: part.ignore_merges };
  const model = new BPE(
    {
      type: "BPE",
      vocab: Object.fromEntries(vocab),
      merges,
      unk_token: unknown ?? undefined,
      end_of_word_suffix: suffix || undefined,
      ...known,
    } as unknown as Settings<typeof BPE>,
  );
  return {
    vocab,
    ...typeof unknown === "string" && { unknown },
    encode: (word) => model._call([word]).map((piece) => vocab.get(piece)!),
  };
}

function unigramModel(part: Part): TokenModel {
  const { vocab: list, unk_id: unknownId = null, byte_fallback } = part;
  if (byte_fallback) throw new TypeError("model Unigram with byte_fallback is not supported");
  const isPiece = (entry: unknown) =>
    Array.isArray(entry) && entry.length === 2 && typeof entry[0] === "string" && Number.isFinite(entry[1]);
  if (!Array.isArray(list) || list.length === 0) throw new TypeError("there is no list of pieces at model.vocab");
  const wrong = list.findIndex((entry) => !isPiece(entry));
  if (wrong >= 0) {
    throw new TypeError(`model.vocab[${wrong}] is no piece with its score: ${quoted(list[wrong])}`);
  }
  if (!Number.isSafeInteger(unknownId) || !list[unknownId as number]) {
    throw new TypeError(`model.unk_id is no index of model.vocab: ${quoted(unknownId)}`);
  }
  const pieces = list as [string, number][];
  const vocab = new Map(pieces.map(([piece], id) => [piece, id]));
  // The library gives the unknown piece another score in place.
  const settings = { type: "Unigram", vocab: pieces.map(([...pair]) => pair), unk_id: unknownId };
  const model = new Unigram(settings as unknown as Settings<typeof Unigram>, "");
  return {
    vocab,
    unknown: pieces[unknownId as number][0],
    encode: (word) => model._call([word]).map((piece) => vocab.get(piece) ?? unknownId as number),
  };
}
