import type { Head } from "./head.ts";
import { wordOf } from "./label_set.ts";

/** How the classes of data are found among those of a head. */
export interface ClassMatch {
  /** What the head's classes are called, in its order. */
  readonly labels: readonly string[];
  /** The head's number of each of the data's classes. */
  readonly order: readonly number[];
  /** Whether the words say it, the numbers that data have in place of words, or nothing but the data's own order. */
  readonly by: "word" | "number" | "order";
}

const isNumber = (word: string) => /^\d+$/.test(word);
const fold = (word: string) => wordOf(word)?.toLowerCase();

/** The one place of any of some words: as they are, or else but for capitals; −1 where there is none, or several. */
export function placeOf(words: readonly string[], labels: readonly string[]): number {
  const folded = new Set(words.map(fold));
  for (const isSame of [(label: string) => words.includes(label), (label: string) => folded.has(fold(label))]) {
    const places = labels.flatMap((label, i) => isSame(label) ? [i] : []);
    if (places.length > 0) return places.length === 1 ? places[0] : -1;
  }
  return -1;
}

/**
 * Finds the classes of data among those of a head. Each is given as the words that mean it, the data's own first.
 * Words decide, whatever their capitals. Where one side has numbers alone, data with as many classes as the head take
 * them in order, and data with a single class take its number. Else it is `undefined`: they are not the same classes.
 *
 * @example
 * ```ts
 * import { matchClasses } from "./match_classes.ts";
 *
 * const head = { owner: "the model", source: "config.json", kind: "classes", outputs: 2, isNamed: true } as const;
 * const match = matchClasses([["negative"], ["positive"]], { ...head, labels: ["POSITIVE", "NEGATIVE"] });
 * console.assert(match?.order.join() === "1,0");
 * ```
 */
export function matchClasses(classes: readonly (readonly string[])[], head: Head): ClassMatch | undefined {
  const { labels, outputs, isNamed } = head;
  const places = classes.map((words) => placeOf(words, labels));
  if (!places.includes(-1) && new Set(places).size === places.length) return { labels, order: places, by: "word" };
  const own = classes.map(([word]) => word);
  const isWhole = classes.length === outputs;
  if (!isNamed && isWhole) return { labels: own, order: own.map((_, i) => i), by: "order" };
  // A head whose own words are numbers means these, and no places.
  const areNumbers = own.every(isNumber) && !(isNamed && labels.some(isNumber)) &&
    classes.every(({ length }) => length === 1);
  const numbers = own.map(Number);
  const fits = areNumbers && numbers.every((number) => number < outputs) && new Set(numbers).size === own.length;
  return fits && (isWhole || own.length === 1) ? { labels, order: numbers, by: "number" } : undefined;
}
