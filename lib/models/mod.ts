/**
 * Networks as pairs of pure functions.
 *
 * @module
 */
export { bert, type BertConfig, bertForMaskedLM } from "./bert.ts";
export type { Batch, MaskedBatch, Model } from "./model.ts";
