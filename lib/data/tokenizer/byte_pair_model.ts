import { popHeap, pushHeap } from "./heap.ts";
import type { TokenModel } from "./token_model.ts";

/** Settings of {@linkcode bytePairModel}, known to be whole. */
export interface BytePairSettings {
  readonly vocab: ReadonlyMap<string, number>;
  /** Pairs of pieces that become one, the most important first; with the piece that they become. */
  readonly merges: readonly (readonly [left: string, right: string, merged: string])[];
  readonly unknown?: string;
  /** What stands before each piece that begins no word. */
  readonly prefix: string;
  /** What stands behind a word's last piece. */
  readonly suffix: string;
  /** Whether unknown characters side by side are one. */
  readonly fuseUnknown: boolean;
  /** Whether an unknown character is its bytes, where the vocabulary has them all. */
  readonly byteFallback: boolean;
  /** Whether a word that the vocabulary has is that piece, whatever the merges are. */
  readonly ignoreMerges: boolean;
}

/** Words whose pieces are remembered. */
const CACHED_WORDS = 10_000;
const CACHED_LENGTH = 256;

/** A pair that may be merged: where it stands, and what it would be. */
interface Candidate {
  readonly at: number;
  readonly rank: number;
  readonly merged: number;
}

/** Byte-pair encoding, step by step as in Hugging Face's tokenizers. */
export function bytePairModel(settings: BytePairSettings): TokenModel {
  const { vocab, unknown, prefix, suffix, fuseUnknown, byteFallback, ignoreMerges } = settings;
  const merges = new Map<number, Map<number, readonly [rank: number, merged: number]>>();
  for (const [rank, pieces] of settings.merges.entries()) {
    const [left, right, merged] = pieces.map((piece) => vocab.get(piece)!);
    if (!merges.has(left)) merges.set(left, new Map());
    merges.get(left)!.set(right, [rank, merged]);
  }
  const unknownId = unknown === undefined ? undefined : vocab.get(unknown);
  const encoder = new TextEncoder();
  const idOfByte = (byte: number) => vocab.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);

  /** Ids of a word's characters. */
  const symbolsOf = (word: string): number[] => {
    const characters = [...word];
    const ids: number[] = [];
    let waiting = false; // an unknown character that others may join
    for (const [i, character] of characters.entries()) {
      const piece = (i > 0 ? prefix : "") + character + (i === characters.length - 1 ? suffix : "");
      const id = vocab.get(piece);
      if (id !== undefined) {
        if (waiting) ids.push(unknownId!);
        waiting = false;
        ids.push(id);
        continue;
      }
      const bytes = byteFallback ? Array.from(encoder.encode(piece), idOfByte) : [undefined];
      if (bytes.every((id) => id !== undefined)) ids.push(...bytes);
      else if (unknownId !== undefined) {
        if (waiting && !fuseUnknown) ids.push(unknownId);
        waiting = true;
      }
    }
    if (waiting) ids.push(unknownId!);
    return ids;
  };

  const mergeAll = (ids: number[]): number[] => {
    const next = ids.map((_, i) => i + 1 < ids.length ? i + 1 : -1);
    const previous = ids.map((_, i) => i - 1);
    const isGone = new Uint8Array(ids.length);
    const heap: Candidate[] = [];
    const offer = (at: number) => {
      const found = merges.get(ids[at])?.get(ids[next[at]]);
      if (found) pushHeap(heap, { at, rank: found[0], merged: found[1] }, precedes);
    };
    for (let at = 0; at + 1 < ids.length; at++) offer(at);
    for (let top = popHeap(heap, precedes); top !== undefined; top = popHeap(heap, precedes)) {
      const { at, merged } = top;
      const right = next[at];
      if (isGone[at] || right === -1) continue;
      // What stood there may have been merged since.
      if (merges.get(ids[at])?.get(ids[right])?.[1] !== merged) continue;
      ids[at] = merged;
      isGone[right] = 1;
      next[at] = next[right];
      if (next[at] !== -1) previous[next[at]] = at;
      if (previous[at] >= 0) offer(previous[at]);
      if (next[at] !== -1) offer(at);
    }
    return ids.filter((_, i) => !isGone[i]);
  };

  const known = new Map<string, readonly number[]>();
  const encode = (word: string): readonly number[] => {
    const whole = ignoreMerges ? vocab.get(word) : undefined;
    if (whole !== undefined) return [whole];
    const cached = known.get(word);
    if (cached) return cached;
    const ids = mergeAll(symbolsOf(word));
    if (word.length < CACHED_LENGTH && known.size < CACHED_WORDS) known.set(word, ids);
    return ids;
  };
  return { vocab, size: vocab.size, ...unknown !== undefined && { unknown }, encode };
}

/** Whether a candidate comes first: the lower rank, or the place further left. */
const precedes = (a: Candidate, b: Candidate): boolean => a.rank < b.rank || a.rank === b.rank && a.at < b.at;
