import type { TokenModel } from "./token_model.ts";

/** Settings of {@linkcode unigramModel}, known to be whole. */
export interface UnigramSettings {
  /** Pieces with their logarithmic probabilities, by id; of equal pieces the last counts. */
  readonly pieces: readonly (readonly [piece: string, score: number])[];
  readonly unknownId: number;
  /** Whether what is unknown is its bytes, where the vocabulary has them all. */
  readonly byteFallback: boolean;
}

/** What an unknown character costs beyond the least likely piece. */
const UNKNOWN_PENALTY = 10;

/** A place in the tree of all pieces, by code points. */
interface Branch {
  readonly branches: Map<number, Branch>;
  /** Of the piece that ends here. */
  id?: number;
}

/**
 * SentencePiece's unigram model: the likeliest pieces of a word. Scores are summed in float64 from the word's beginning
 * on, and a later path wins only where its score is greater, so that ties break as in Hugging Face's tokenizers.
 */
export function unigramModel({ pieces, unknownId, byteFallback }: UnigramSettings): TokenModel {
  const vocab = new Map<string, number>();
  const root: Branch = { branches: new Map() };
  let least = Infinity;
  for (const [id, [piece, score]] of pieces.entries()) {
    vocab.set(piece, id);
    least = Math.min(least, score);
    let branch = root;
    for (const character of piece) {
      const code = character.codePointAt(0)!;
      let inner = branch.branches.get(code);
      if (!inner) branch.branches.set(code, inner = { branches: new Map() });
      branch = inner;
    }
    if (branch !== root) branch.id = id;
  }
  const unknownScore = least - UNKNOWN_PENALTY;
  const encoder = new TextEncoder();
  const idOfByte = (byte: number) => vocab.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);

  /** What is unknown as its bytes or as one piece. */
  const unknown = (text: string): readonly number[] => {
    const id = vocab.get(text);
    if (id !== undefined) return [id];
    const bytes = byteFallback ? Array.from(encoder.encode(text), idOfByte) : [undefined];
    return bytes.every((byte) => byte !== undefined) ? bytes : [unknownId];
  };

  const encode = (word: string): readonly number[] => {
    const codes = Array.from(word, (character) => character.codePointAt(0)!);
    const n = codes.length;
    const [scores, ids] = [new Float64Array(n + 1), new Int32Array(n + 1)];
    const starts = new Int32Array(n + 1).fill(-1);
    const offer = (start: number, end: number, score: number, id: number) => {
      const total = score + scores[start];
      if (starts[end] < 0 || total > scores[end]) [scores[end], starts[end], ids[end]] = [total, start, id];
    };
    for (let start = 0; start < n; start++) {
      let branch: Branch | undefined = root;
      let isKnown = false;
      for (let end = start; end < n; end++) {
        branch = branch.branches.get(codes[end]);
        if (branch === undefined) break;
        if (branch.id === undefined) continue;
        offer(start, end + 1, pieces[branch.id][1], branch.id);
        if (end === start) isKnown = true;
      }
      if (!isKnown) offer(start, start + 1, unknownScore, unknownId);
    }
    // From the end: unknown characters side by side are one piece.
    const found: (readonly number[])[] = [];
    let [end, unknownEnd] = [n, n];
    const textOf = (start: number, end: number) => String.fromCodePoint(...codes.slice(start, end));
    while (end > 0) {
      const start = starts[end];
      if (ids[end] !== unknownId) {
        if (unknownEnd > end) found.push(unknown(textOf(end, unknownEnd)));
        found.push([ids[end]]);
        unknownEnd = start;
      }
      end = start;
    }
    if (unknownEnd > 0) found.push(unknown(textOf(0, unknownEnd)));
    return found.reverse().flat();
  };
  return { vocab, size: pieces.length, unknown: pieces[unknownId][0], pieceOf: (id) => pieces[id]?.[0], encode };
}
