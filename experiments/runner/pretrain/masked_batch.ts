import { type models, type Tensor, tensor } from "../../../mod.ts";
import type { TokenIds, WordPieceTokenizer } from "../../../lib/data/mod.ts";
import type { Passage } from "../../suite/mod.ts";
import type { Choices } from "../../suite/random.ts";

/** Most tokens of a passage. */
export const PASSAGE_LENGTH = 32;
/** Tokens asked for in each row: the first, and so many others. */
const MASKED = 5;

/** Passages some of whose tokens are hidden. */
export interface HiddenTokens extends Omit<models.MaskedBatch, "weights"> {
  /** i32 `[B, 6]`. */
  readonly positions: Tensor;
  /** i32 `[B, 6]`: what is hidden at the positions, −100 where nothing is asked. */
  readonly labels: Tensor;
}

/** A passage as token ids. */
export interface EncodedPassage extends TokenIds {
  /** The token of what stands between its sentences. */
  readonly connective: number;
}

/** A passage as token ids, cut where it is too long. */
export function encodePassage(
  { first, connective, second }: Passage,
  tokenizer: WordPieceTokenizer,
): EncodedPassage {
  const { ids, typeIds } = tokenizer.encode(first, second, { maxLength: PASSAGE_LENGTH });
  return { ids, typeIds, connective: tokenizer.encode(connective).ids[1] };
}

/** How tokens are hidden. */
export interface MaskOptions {
  readonly tokenizer: WordPieceTokenizer;
  /** What decides which. */
  readonly choices: Choices;
  /** Tokens of a row, padding included; 32 by default. */
  readonly length?: number;
}

/** Passages with tokens hidden as in BERT (1810.04805): of those asked for 8 of 10 masked, 1 exchanged, 1 left. */
export function maskTokens(
  passages: readonly EncodedPassage[],
  { tokenizer, choices, length: T = PASSAGE_LENGTH }: MaskOptions,
): HiddenTokens {
  const B = passages.length;
  const [ids, mask, types] = [0, 1, 2].map(() => new Int32Array(B * T));
  const asked = [B, MASKED + 1];
  const positions = new Int32Array(B * (MASKED + 1));
  const labels = new Int32Array(B * (MASKED + 1)).fill(-100);
  passages.forEach((encoded, row) => {
    const length = encoded.ids.length;
    ids.set(encoded.ids, row * T);
    types.set(encoded.typeIds, row * T);
    mask.fill(1, row * T, row * T + length);
    positions.fill(row * T, row * (MASKED + 1), (row + 1) * (MASKED + 1));
    const ask = (slot: number, position: number, label: number) => {
      positions[row * (MASKED + 1) + slot] = row * T + position;
      labels[row * (MASKED + 1) + slot] = label;
    };
    // What stands between the sentences is hidden: [CLS] is its mask.
    ask(0, 0, encoded.connective);
    for (let slot = 1; slot <= MASKED; slot++) {
      const position = 1 + choices.below(length - 2);
      const at = row * T + position;
      if (encoded.ids[position] === tokenizer.sepId || ids[at] !== encoded.ids[position]) continue;
      ask(slot, position, encoded.ids[position]);
      const fate = choices.next();
      if (fate < 0.8) ids[at] = tokenizer.maskId;
      else if (fate < 0.9) ids[at] = 5 + choices.below(tokenizer.vocabSize - 5);
    }
  });
  const shape = [B, T];
  return {
    inputIds: tensor(ids, { shape }),
    attentionMask: tensor(mask, { shape }),
    tokenTypeIds: tensor(types, { shape }),
    positions: tensor(positions, { shape: asked }),
    labels: tensor(labels, { shape: asked }),
  };
}

/** Passages as one batch with tokens hidden, as {@linkcode maskTokens} does. */
export function maskedBatch(passages: readonly Passage[], options: MaskOptions): HiddenTokens {
  return maskTokens(passages.map((passage) => encodePassage(passage, options.tokenizer)), options);
}
