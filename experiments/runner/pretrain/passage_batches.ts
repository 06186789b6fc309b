import { wordPiece, type WordPieceTokenizer } from "../../../lib/data/mod.ts";
import { type Passage, suiteLanguage, suiteVocabulary } from "../../suite/mod.ts";
import { Choices } from "../../suite/random.ts";
import { type EncodedPassage, encodePassage, type HiddenTokens, maskTokens } from "./masked_batch.ts";

/** Batches whose passages are sorted by length together. */
const WINDOW = 32;
/** Rows are padded to a multiple of so many tokens: each length is a plan of its own. */
const STRIDE = 4;

const roundUp = (length: number) => Math.ceil(length / STRIDE) * STRIDE;

/**
 * Batches of the language of pre-training by their number, with tokens hidden. The passages of 32 batches at a time, as
 * the language speaks them, are put in batches of about one length, and these in random order: each passage comes once,
 * and little is padded.
 */
export class PassageBatches {
  readonly #tokenizer: WordPieceTokenizer = wordPiece(suiteVocabulary());
  #language: Generator<Passage, never>;
  /** Number of the next window that the language speaks. */
  #next = 0;
  #batches: readonly (readonly EncodedPassage[])[] = [];

  constructor(readonly seed: number, readonly batchSize: number) {
    this.#language = suiteLanguage(seed);
  }

  /** The batch of a number. Those asked for in their order cost least. */
  at(index: number): HiddenTokens {
    const window = Math.floor(index / WINDOW);
    if (window !== this.#next - 1) this.#enter(window);
    const passages = this.#batches[index % WINDOW];
    return maskTokens(passages, {
      tokenizer: this.#tokenizer,
      choices: new Choices(this.seed).fork(`masks ${index}`),
      length: roundUp(Math.max(...passages.map(({ ids }) => ids.length))),
    });
  }

  #enter(window: number): void {
    const count = WINDOW * this.batchSize;
    if (window < this.#next) [this.#language, this.#next] = [suiteLanguage(this.seed), 0];
    for (let skipped = (window - this.#next) * count; skipped > 0; skipped--) this.#language.next();
    const passages = Array.from({ length: count }, () => encodePassage(this.#language.next().value, this.#tokenizer));
    // Those that are padded to one length stay in their order, so that a batch has all kinds of them.
    const sorted = passages.toSorted((a, b) => roundUp(a.ids.length) - roundUp(b.ids.length));
    const batches = Array.from(
      { length: WINDOW },
      (_, i) => sorted.slice(i * this.batchSize, (i + 1) * this.batchSize),
    );
    const choices = new Choices(this.seed).fork(`window ${window}`);
    for (let i = WINDOW - 1; i > 0; i--) {
      const j = choices.below(i + 1);
      [batches[i], batches[j]] = [batches[j], batches[i]];
    }
    [this.#batches, this.#next] = [batches, window + 1];
  }
}
