/**
 * Metrics computed in float64: GLUE's as functions of plain numbers, `metric(predictions, labels)`, and scorers of text
 * as functions of hypotheses and their references, which give the score of the corpus and that of each row.
 *
 * @module
 */
export { accuracy } from "./accuracy.ts";
export type { Numbers } from "./check_pair.ts";
export { f1 } from "./f1.ts";
export { matthewsCorrelation } from "./matthews_correlation.ts";
export { pearson } from "./pearson.ts";
export { spearman } from "./spearman.ts";
export { bleu, type BleuOptions } from "./text/bleu.ts";
export { chrf, type ChrfOptions } from "./text/chrf.ts";
export { cider, type CiderOptions } from "./text/cider.ts";
export { meteor, type MeteorOptions } from "./text/meteor.ts";
export { nist, type NistOptions } from "./text/nist.ts";
export type { References, TextScore } from "./text/rows.ts";
export { captionRouge, rouge, type RougeOptions } from "./text/rouge.ts";
export { ter, type TerOptions } from "./text/ter.ts";
export { readWordNet } from "./text/word_net.ts";
