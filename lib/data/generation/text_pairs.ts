/** A text, and one that is right for it: a description of some data, the summary of an article, an answer. */
export interface TextPair {
  /** What is given. */
  readonly source: string;
  /** What is to be written. */
  readonly target: string;
}

/** A text with all that are right for it. */
export interface ReferenceGroup {
  /** What is given. */
  readonly source: string;
  /** Texts that are right, in the order in which they stand in the data; one at least. */
  readonly references: readonly string[];
  /** Whether a model could learn of this category, where the task tells: WebNLG's `seen` and `unseen` ones. */
  readonly part?: "seen" | "unseen";
}

/**
 * Groups pairs by their sources, in the order of each one's first pair, so that what is written for a source is scored
 * beside all of its references.
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * const pairs = [
 *   { source: "name : Aromi", target: "This is Aromi." },
 *   { source: "name : Zizzi", target: "There is Zizzi." },
 *   { source: "name : Aromi", target: "Come to Aromi." },
 * ];
 * console.log(data.groupReferences(pairs)[0].references); // ["This is Aromi.", "Come to Aromi."]
 * ```
 */
export function groupReferences(pairs: Iterable<TextPair>): ReferenceGroup[] {
  const groups = new Map<string, string[]>();
  for (const { source, target } of pairs) {
    const references = groups.get(source);
    if (references) references.push(target);
    else groups.set(source, [target]);
  }
  return Array.from(groups, ([source, references]) => ({ source, references }));
}

/** A split of a generation task: pairs to learn from, and the same by what is given, to score what is written. */
export interface GenerationSplit {
  /** Pairs in the order of the file. */
  readonly pairs: readonly TextPair[];
  /** Sources with all of their references: meaning representations, entries, articles. */
  readonly groups: readonly ReferenceGroup[];
}
