import { data, train } from "../../../mod.ts";
import { Choices } from "../../suite/random.ts";
import { suiteProse } from "../../suite/texts/prose.ts";
import { SPECIAL_IDS } from "../../suite/texts/tokenizer.ts";
import { TEXT_LENGTH } from "../../suite/texts/text_models.ts";
import type { Tokenizer } from "../../../lib/data/mod.ts";

/** Rows of a batch, of several texts each for a decoder and of one for an encoder-decoder. */
export const PROSE_ROWS = { decoder: 8, "encoder-decoder": 16 } as const;

/** What decides a batch besides its number. */
export interface ProseOptions {
  readonly seed: number;
  readonly tokenizer: Tokenizer;
}

/** Rows of texts to go on with: whole ones, each behind the token that ends texts, and the beginning of one more. */
export function continuationBatch(
  index: number,
  { seed, tokenizer }: ProseOptions,
): train.TextBatch {
  const prose = suiteProse(new Choices(seed).fork(`prose ${index}`));
  const examples = Array.from({ length: PROSE_ROWS.decoder }, (): data.EncodedText => {
    const ids: number[] = [];
    while (ids.length <= TEXT_LENGTH) ids.push(SPECIAL_IDS.endOfText, ...tokenizer.encode(prose.next().value).ids);
    return { ids: ids.slice(0, TEXT_LENGTH), labels: ids.slice(1, TEXT_LENGTH + 1) };
  });
  const encoded = { examples, length: TEXT_LENGTH, padId: SPECIAL_IDS.pad, isPacked: false, cut: 0, dropped: 0 };
  const [batch] = data.textBatches(encoded, { batchSize: PROSE_ROWS.decoder });
  return train.toTextBatch(batch);
}

/** Share of a text's tokens that are hidden from who is to write it. */
const HIDDEN = 0.3;

/** Tokens of a span, 3 in the mean, by Poisson's distribution: none is a place where nothing is missing. */
function spanLength(choices: Choices): number {
  let [count, product] = [0, choices.next()];
  for (const floor = Math.exp(-3); product > floor; count++) product *= choices.next();
  return count;
}

/** A text in which spans of tokens are one mask each, as BART's pre-training has it (1910.13461). */
export function hideSpans(ids: readonly number[], choices: Choices): number[] {
  const source = [...ids];
  for (let left = Math.round(HIDDEN * ids.length); left > 0;) {
    const length = Math.min(left, spanLength(choices));
    const start = 1 + choices.below(Math.max(1, source.length - 1 - length));
    if (source.slice(start, start + length).includes(SPECIAL_IDS.mask)) {
      left--;
      continue;
    }
    source.splice(start, length, SPECIAL_IDS.mask);
    left -= Math.max(1, length);
  }
  return source;
}

/** Most tokens of texts in every other batch to write anew, so that little of it is padding. */
const SHORT = 48;

/** Texts to be written of what is left of them; in batches of even numbers short ones alone. */
export function denoisingBatch(index: number, { seed, tokenizer }: ProseOptions): train.PairBatch {
  const choices = new Choices(seed);
  const prose = suiteProse(choices.fork(`prose ${index}`));
  const masks = choices.fork(`masks ${index}`);
  const most = index % 2 === 0 ? SHORT : TEXT_LENGTH;
  const examples = Array.from({ length: PROSE_ROWS["encoder-decoder"] }, (): data.EncodedPair => {
    let target = tokenizer.encode(prose.next().value).ids;
    while (target.length > most) target = tokenizer.encode(prose.next().value).ids;
    return { source: hideSpans(target, masks), target };
  });
  const lengths = { source: TEXT_LENGTH, target: TEXT_LENGTH };
  const encoded = { examples, lengths, padId: SPECIAL_IDS.pad, startId: SPECIAL_IDS.end, cut: 0 };
  const [batch] = data.pairBatches(encoded, { batchSize: examples.length, padding: "bucket" });
  return train.toPairBatch(batch);
}
