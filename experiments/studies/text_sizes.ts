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
 * Sizes of the tasks' splits, as their files have them (XSum's: 1808.08745). Lengths are rough: from letters of the files,
 * of which GPT-2's tokens have four or five, and of padded batches of 8; of XSum's 64 articles one is as long as may be.
 */
export const TEXT_SIZES: Readonly<Record<string, TextSize>> = {
  e2e: { train: 42061, dev: 4672, tokens: 80, sources: 630, source: 40, text: 29 },
  webnlg: { train: 18025, dev: 2258, tokens: 90, sources: 1862, source: 35, text: 25 },
  xsum: { train: 204045, dev: 11332, tokens: 768, sources: 11334, source: 440, text: 28 },
};
