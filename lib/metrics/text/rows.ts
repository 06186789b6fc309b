import { plural } from "../../text/plural.ts";

/** What each hypothesis is held against: a text, or several, each of which would be right. A blank text is none. */
export type References = readonly (string | readonly string[])[];

/** What every scorer of text gives: the score of the corpus and that of each row. */
export interface TextScore {
  /** The score of the whole corpus. */
  readonly score: number;
  /** The score of each row by itself, in the order of the hypotheses. */
  readonly sentences: readonly number[];
  /** What the corpus's score is made of, by name, as its scorer's documentation says. */
  readonly parts: Readonly<Record<string, number>>;
}

/** A hypothesis with its references, of which there is at least one. */
export interface Row {
  readonly hypothesis: string;
  readonly references: readonly string[];
  /** Whether a blank reference was left out. */
  readonly hasBlank: boolean;
}

/**
 * Hypotheses beside their references, blank references left out.
 *
 * Throws a RangeError where there are no hypotheses, the lists differ in length, or a row has no text or no reference.
 */
export function readRows(metric: string, hypotheses: readonly string[], references: References): Row[] {
  if (hypotheses.length !== references.length) {
    throw new RangeError(
      `Cannot compute ${metric} as lengths must match: ${
        plural(hypotheses.length, "hypothesis", "hypotheses")
      } and references of ${plural(references.length, "row")}`,
    );
  }
  if (hypotheses.length === 0) throw new RangeError(`Cannot compute ${metric} as there are no hypotheses`);
  return Array.from(hypotheses, (hypothesis, row) => {
    if (typeof hypothesis !== "string") {
      throw new RangeError(`Cannot compute ${metric} as row ${row} has no hypothesis: ${hypothesis}`);
    }
    const given: string | readonly string[] | undefined = references[row];
    const texts = typeof given === "string" ? [given] : Array.from(given ?? []);
    const present = texts.filter((text) => typeof text === "string" && text.trim() !== "");
    if (present.length === 0) throw new RangeError(`Cannot compute ${metric} as row ${row} has no reference`);
    return { hypothesis, references: present, hasBlank: present.length < texts.length };
  });
}

/** The words of a text, which white space parts. */
export function splitWords(text: string): string[] {
  return text.match(/\S+/g) ?? [];
}

/** The mean of some numbers, of which there is at least one. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
