import { longestCommonLength, longestCommonPlaces } from "./longest_common.ts";
import { countNgrams, overlap } from "./ngrams.ts";
import { porterStem } from "./porter_stem.ts";
import { mean, readRows, type References, type TextScore } from "./rows.ts";
import { tokenizeCaption } from "./tokenize_caption.ts";

/** Which ROUGE it is. */
export interface RougeOptions {
  /**
   * What counts: single tokens (`"rouge1"`), pairs (`"rouge2"`), the longest common subsequence of whole texts
   * (`"rougeL"`, the default), or of each sentence of the reference with all of the hypothesis's, where a line is a
   * sentence (`"rougeLsum"`).
   */
  readonly kind?: "rouge1" | "rouge2" | "rougeL" | "rougeLsum";
  /** Whether tokens of more than three letters are stems by Porter's algorithm; true by default. */
  readonly stem?: boolean;
}

/** A precision and a recall. */
interface Rates {
  readonly precision: number;
  readonly recall: number;
}

const NONE: Rates = { precision: 0, recall: 0 };

/**
 * ROUGE of hypotheses, 0 to 1: the F-score of the tokens, pairs or subsequences that they share with a reference, as a
 * mean over rows (Lin 2004, https://aclanthology.org/W04-1013). Tokens are runs of ASCII letters and digits in lower
 * case. It equals rouge-score's, which does not stem by default; ROUGE-1.5.5 differs by some tenths of a point.
 *
 * Of several references a row takes the one of the greatest F-score. A hypothesis without tokens scores 0. `parts` has
 * means of `precision` and `recall`.
 *
 * Throws a RangeError where the lists differ in length, are empty, or a row has no reference.
 *
 * @example
 * ```ts
 * import { metrics } from "@delta-dawn/delta-lora";
 *
 * const [hypotheses, references] = [["The cats were sitting."], ["the cat sits here"]];
 * console.log(metrics.rouge(hypotheses, references, { kind: "rouge1" }).score); // 0.75
 * console.log(metrics.rouge(hypotheses, references, { kind: "rouge2", stem: false }).score); // 0
 * ```
 */
export function rouge(hypotheses: readonly string[], references: References, options: RougeOptions = {}): TextScore {
  const { kind = "rougeL", stem = true } = options;
  const rates = kind === "rougeLsum" ? summaryRates : kind === "rougeL" ? subsequenceRates : ngramRates;
  const order = kind === "rouge2" ? 2 : 1;
  const rows = readRows("ROUGE", hypotheses, references).map((row) => {
    const [first, ...others] = row.references.map((reference) => {
      const found = rates(row.hypothesis, reference, { tokenize: (text) => tokenize(text, stem), order });
      return { ...found, score: fScore(found) };
    });
    return others.reduce((best, other) => other.score > best.score ? other : best, first);
  });
  return meansOf(rows);
}

/**
 * ROUGE-L of hypotheses, 0 to 1, as the scorers of MS COCO's captions compute it, which E2E's results are in: the
 * F-score, where recall counts 1.2 times, of the greatest precision and the greatest recall among the references, as a
 * mean over rows, of tokens the way {@linkcode cider} reads them, without stemming.
 *
 * A hypothesis without tokens scores 0. `parts` has means of the greatest `precision` and `recall`. Throws a RangeError
 * where the lists differ in length, are empty, or a row has no reference.
 *
 * @example
 * ```ts
 * import { metrics } from "@delta-dawn/delta-lora";
 *
 * const { score } = metrics.captionRouge(["a cheap pub"], [["It is a cheap family pub.", "a pub"]]);
 * console.log(score.toFixed(4)); // 1.0000
 * ```
 */
export function captionRouge(hypotheses: readonly string[], references: References): TextScore {
  const rows = readRows("ROUGE-L", hypotheses, references).map((row) => {
    const hypothesis = tokenizeCaption(row.hypothesis);
    const rates = row.references.map((text) => subsequenceOf(hypothesis, tokenizeCaption(text)));
    const precision = Math.max(...rates.map((each) => each.precision));
    const recall = Math.max(...rates.map((each) => each.recall));
    return { precision, recall, score: fScore({ precision, recall }, 1.2) };
  });
  return meansOf(rows);
}

function meansOf(rows: readonly (Rates & { readonly score: number })[]): TextScore {
  const sentences = rows.map(({ score }) => score);
  const parts = { precision: mean(rows.map((row) => row.precision)), recall: mean(rows.map((row) => row.recall)) };
  return { score: mean(sentences), sentences, parts };
}

interface Reading {
  readonly tokenize: (text: string) => string[];
  readonly order: number;
}

function tokenize(text: string, stem: boolean): string[] {
  const tokens = text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
  return stem ? tokens.map((token) => token.length > 3 ? porterStem(token) : token) : tokens;
}

function ngramRates(hypothesis: string, reference: string, { tokenize, order }: Reading): Rates {
  const [left, right] = [tokenize(hypothesis), tokenize(reference)];
  const shared = overlap(countNgrams(left, order)[order - 1], countNgrams(right, order)[order - 1]);
  const possible = (tokens: readonly string[]) => Math.max(1, tokens.length - order + 1);
  return { precision: shared / possible(left), recall: shared / possible(right) };
}

function subsequenceRates(hypothesis: string, reference: string, { tokenize }: Reading): Rates {
  return subsequenceOf(tokenize(hypothesis), tokenize(reference));
}

function subsequenceOf(hypothesis: readonly string[], reference: readonly string[]): Rates {
  if (hypothesis.length === 0 || reference.length === 0) return NONE;
  const length = longestCommonLength(reference, hypothesis);
  return { precision: length / hypothesis.length, recall: length / reference.length };
}

/** Tokens of a reference's sentence count once, wherever in the hypothesis they are found, and each but once in all. */
function summaryRates(hypothesis: string, reference: string, { tokenize }: Reading): Rates {
  const sentences = (text: string) => text.split("\n").map(tokenize);
  const [left, right] = [sentences(hypothesis), sentences(reference)];
  const [[leftCounts], [rightCounts]] = [countNgrams(left.flat(), 1), countNgrams(right.flat(), 1)];
  const [possibleLeft, possibleRight] = [left.flat().length, right.flat().length];
  if (possibleLeft === 0 || possibleRight === 0) return NONE;
  let shared = 0;
  for (const sentence of right) {
    const places = new Set(left.flatMap((other) => longestCommonPlaces(sentence, other)));
    for (const place of places) {
      const token = sentence[place];
      const [inLeft, inRight] = [leftCounts.get(token) ?? 0, rightCounts.get(token) ?? 0];
      if (inLeft === 0 || inRight === 0) continue;
      leftCounts.set(token, inLeft - 1);
      rightCounts.set(token, inRight - 1);
      shared++;
    }
  }
  return { precision: shared / possibleLeft, recall: shared / possibleRight };
}

function fScore({ precision, recall }: Rates, beta = 1): number {
  if (precision === 0 || recall === 0) return 0;
  return (1 + beta ** 2) * precision * recall / (recall + beta ** 2 * precision);
}
