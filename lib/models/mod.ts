/**
 * Networks as pairs of pure functions.
 *
 * @module
 */
export { bert, type BertConfig, bertForMaskedLM, type MaskedBatch } from "./bert.ts";
export type { Batch, Model } from "./model.ts";
