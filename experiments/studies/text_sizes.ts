/** What is known of a task of texts where its files are not at hand. */
export interface TextSize {
  /** Texts to learn from. */
  readonly train: number;
  /** Texts whose likelihood is a score. */
  readonly dev: number;
  /** Mean length of a batch's rows in tokens: of source and text, or of the source alone where a decoder writes. */
  readonly tokens: number;
  /** Sources that texts are written about. */
  readonly sources: number;
  /** Mean length of such a source, in tokens. */
  readonly source: number;
  /** Mean length of a text, in tokens. */
  readonly text: number;
}

/**
 * Sizes of the tasks' files. E2E's and WebNLG's lengths were measured on them, in tokens of GPT-2, in batches of 8 padded
 * to `bucketLengths()`; XSum's on its part in tokens of BART.
 */
export const TEXT_SIZES: Readonly<Record<string, TextSize>> = {
  e2e: { train: 42061, dev: 4672, tokens: 85, sources: 630, source: 37, text: 31 },
  webnlg: { train: 18025, dev: 2258, tokens: 115, sources: 1862, source: 45, text: 31 },
  xsum: { train: 204045, dev: 11332, tokens: 470, sources: 11334, source: 440, text: 26 },
};
