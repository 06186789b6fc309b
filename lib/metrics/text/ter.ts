import { mean, readRows, type References, splitWords, type TextScore } from "./rows.ts";
import { tokenizeTercom } from "./split_punctuation.ts";
import { translationEdits } from "./translation_edits.ts";

/** How texts are read before they are compared. */
export interface TerOptions {
  /** Whether punctuation is split off the way Tercom's normalization does; false by default: at white space alone. */
  readonly normalize?: boolean;
  /** Whether marks of punctuation are left out; false by default. */
  readonly withoutPunctuation?: boolean;
  /** Whether case counts; false by default. */
  readonly caseSensitive?: boolean;
}

/**
 * Translation edit rate of hypotheses, from 0, where less is better: the edits of words to the nearest reference, where
 * a block of words moved is one edit, by the mean length of the references (Snover et al. 2006,
 * https://aclanthology.org/2006.amta-papers.25). It equals sacrebleu's, which prints it times 100.
 *
 * The corpus's score is the edits of all rows by the lengths of all. A hypothesis without words has a rate of 1 where
 * its references are of one length: all of one is put in. `parts` has `edits` and `referenceLength`, in words.
 *
 * Throws a RangeError where the lists differ in length, are empty, or a row has no reference.
 *
 * @example
 * ```ts
 * import { metrics } from "@delta-dawn/delta-lora";
 *
 * const { score, parts } = metrics.ter(["on the mat sat the cat"], ["the cat sat on the mat today"]);
 * console.log(score.toFixed(4), parts.edits); // 0.4286 3
 * ```
 */
export function ter(hypotheses: readonly string[], references: References, options: TerOptions = {}): TextScore {
  const { normalize = false, withoutPunctuation = false, caseSensitive = false } = options;
  const read = (given: string): string[] => {
    const text = caseSensitive ? given : given.toLowerCase();
    const words = normalize ? tokenizeTercom(text) : splitWords(text);
    return withoutPunctuation ? splitWords(words.join(" ").replace(/[.,?:;!"()]/g, "")) : words;
  };
  const rows = readRows("TER", hypotheses, references).map((row) => {
    const hypothesis = read(row.hypothesis);
    // sacrebleu normalizes references twice, which parts a possessive before a comma in them alone.
    const texts = row.references.map((text) => read(read(text).join(" ")));
    return {
      edits: Math.min(...texts.map((reference) => translationEdits(hypothesis, reference))),
      referenceLength: mean(texts.map((reference) => reference.length)),
    };
  });
  const edits = rows.reduce((sum, row) => sum + row.edits, 0);
  const referenceLength = rows.reduce((sum, row) => sum + row.referenceLength, 0);
  return {
    score: rate(edits, referenceLength),
    sentences: rows.map((row) => rate(row.edits, row.referenceLength)),
    parts: { edits, referenceLength },
  };
}

/** References may be empty once their punctuation is left out. */
function rate(edits: number, referenceLength: number): number {
  return referenceLength > 0 ? edits / referenceLength : edits > 0 ? 1 : 0;
}
