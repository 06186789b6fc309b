import { type models, type Tensor, tensor } from "../../../mod.ts";
import type { WordPieceTokenizer } from "../../../lib/data/mod.ts";
import type { Passage } from "../../suite/mod.ts";
import type { Choices } from "../../suite/random.ts";

/** Tokens of a row. */
const PASSAGE_LENGTH = 32;
/** Tokens asked for in each row: the first, and so many others. */
const MASKED = 5;

/** Passages some of whose tokens are hidden. */
export interface HiddenTokens extends Omit<models.MaskedBatch, "weights"> {
  readonly positions: Tensor;
  /** i32 `[M]`: what is hidden at the positions, −100 where nothing is asked. */
  readonly labels: Tensor;
}

/** Passages with tokens hidden as in BERT (1810.04805): of those asked for 8 of 10 masked, 1 exchanged, 1 left. */
export function maskedBatch(
  passages: readonly Passage[],
  tokenizer: WordPieceTokenizer,
  choices: Choices,
): HiddenTokens {
  const B = passages.length;
  const [ids, mask, types] = [0, 1, 2].map(() => new Int32Array(B * PASSAGE_LENGTH));
  const positions = new Int32Array(B * (MASKED + 1));
  const labels = new Int32Array(B * (MASKED + 1)).fill(-100);
  passages.forEach(({ first, connective, second }, row) => {
    const encoded = tokenizer.encode(first, second, { maxLength: PASSAGE_LENGTH });
    const length = encoded.ids.length;
    ids.set(encoded.ids, row * PASSAGE_LENGTH);
    types.set(encoded.typeIds, row * PASSAGE_LENGTH);
    mask.fill(1, row * PASSAGE_LENGTH, row * PASSAGE_LENGTH + length);
    const ask = (slot: number, position: number, label: number) => {
      positions[row * (MASKED + 1) + slot] = row * PASSAGE_LENGTH + position;
      labels[row * (MASKED + 1) + slot] = label;
    };
    // What stands between the sentences is hidden: [CLS] is its mask.
    ask(0, 0, tokenizer.encode(connective).ids[1]);
    for (let slot = 1; slot <= MASKED; slot++) {
      const position = 1 + choices.below(length - 2);
      const at = row * PASSAGE_LENGTH + position;
      if (encoded.ids[position] === tokenizer.sepId || ids[at] !== encoded.ids[position]) continue;
      ask(slot, position, encoded.ids[position]);
      const fate = choices.next();
      if (fate < 0.8) ids[at] = tokenizer.maskId;
      else if (fate < 0.9) ids[at] = 5 + choices.below(tokenizer.vocabSize - 5);
    }
  });
  const shape = [B, PASSAGE_LENGTH];
  return {
    inputIds: tensor(ids, { shape }),
    attentionMask: tensor(mask, { shape }),
    tokenTypeIds: tensor(types, { shape }),
    positions: tensor(positions),
    labels: tensor(labels),
  };
}
