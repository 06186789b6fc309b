import type { GlueTaskName } from "../../../lib/data/mod.ts";

/** What is known of a task where its files are not at hand. */
export interface GlueSize {
  readonly train: number;
  /** Examples that are scored, MNLI's mismatched ones included. */
  readonly dev: number;
  /** Mean length of padded batches of 16, in tokens of RoBERTa. */
  readonly tokens: number;
}

/**
 * Sizes of GLUE's splits (1804.07461, table 1, and its files). Lengths were measured on its files, of MNLI, QNLI and QQP
 * on 9,999 training examples, padded to `bucketLengths()` of at most 512.
 */
export const GLUE_SIZES: Readonly<Record<GlueTaskName, GlueSize>> = {
  cola: { train: 8551, dev: 1043, tokens: 29 },
  sst2: { train: 67349, dev: 872, tokens: 42 },
  mrpc: { train: 3668, dev: 408, tokens: 96 },
  stsb: { train: 5749, dev: 1500, tokens: 76 },
  rte: { train: 2490, dev: 277, tokens: 197 },
  qnli: { train: 104743, dev: 5463, tokens: 108 },
  qqp: { train: 363846, dev: 40430, tokens: 71 },
  mnli: { train: 392702, dev: 9815 + 9832, tokens: 98 },
  wnli: { train: 635, dev: 71, tokens: 91 },
};
