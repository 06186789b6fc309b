import { isMissing, numberOf, shown, textOf } from "../../../lib/data/table/cells.ts";

/** What labels of a table are: words of classes in the order of their numbers, or scores. */
export interface LabelSet {
  readonly kind: "classes" | "regression";
  /** Empty for a regression. */
  readonly labels: readonly string[];
}

/** What a spec calls labels. */
export const LABEL_KINDS = ["classes", "scores"] as const;

/** One of {@linkcode LABEL_KINDS}. */
export type LabelKind = typeof LABEL_KINDS[number];

/** Options of {@linkcode labelSet}. */
export interface LabelSetOptions {
  /** What labels are, where the user says it. */
  readonly kind?: LabelKind;
  /** Throws an error that says in which row, by its place from 0, the label is that makes them unclear, if one alone. */
  readonly fail?: (row: number | undefined, reason: string) => never;
}

/** Words by which programs and people write that there is none. */
const NOTHING = new Set(["nan", "-nan", "na", "n/a", "#n/a", "<na>", "null", "none", "nat"]);

/** A number as it is written where a comma stands before its fraction. */
const COMMA = /^[+-]?\d+(\.\d{3})*,\d+$/;

/** Beyond so many classes each should stand in two rows on average: else they are scores, or no labels at all. */
const MANY = 20;

/**
 * The word of a label: its text, and of a number the shortest one, so that `1.0` and `1` are one class. `undefined`
 * where there is no label.
 */
export function wordOf(label: unknown): string | undefined {
  const number = numberOf(label);
  // Whole numbers that are too large to be told apart as numbers are told apart as texts.
  if (number !== undefined && Math.abs(number) <= Number.MAX_SAFE_INTEGER) return String(number === 0 ? 0 : number);
  return label === Infinity || label === -Infinity ? undefined : textOf(label)?.trim();
}

/** Words of classes in the order of their numbers: by size where all are numbers, else by alphabet. */
export function sortedLabels(words: Iterable<string>): string[] {
  const labels = [...new Set(words)];
  const areNumbers = labels.every((word) => numberOf(word) !== undefined);
  return areNumbers ? labels.sort((a, b) => Number(a) - Number(b)) : labels.sort();
}

/** Why a label cannot be a score. */
export function noScore(label: unknown): string {
  if (isMissing(label) || Array.isArray(label)) return noLabel(label);
  const isComma = typeof label === "string" && COMMA.test(label.trim());
  const advice = isComma ? ": fractions are written with a point" : "";
  return `label ${shown(label)} is no number${advice}`;
}

/** What to do where rows have several labels. */
const SEVERAL =
  "a text has one class or one score here: give each label a column of 0 and 1, and train on one at a time";

/** Why a cell is no label at all. */
export function noLabel(label: unknown): string {
  if (isMissing(label)) return `its label is ${shown(label)}`;
  return `its label is ${shown(label)}, which is no word or number${Array.isArray(label) ? `: ${SEVERAL}` : ""}`;
}

/** What may be done where a label looks like none, or like another thing. */
const AS_CLASS = "`data.labels` classes if it is a class";

/** Refuses what is no class's word, or may not be meant as one unless `kind` says that labels are classes. */
function requireWords(
  labels: readonly unknown[],
  kind: LabelKind | undefined,
  fail: Required<LabelSetOptions>["fail"],
) {
  const words = labels.map((label, row) => wordOf(label) ?? fail(row, noLabel(label)));
  const odd = (isOdd: (word: string) => boolean) => words.findIndex((word) => isOdd(word.toLowerCase()));
  const isNothing = (word: string) => NOTHING.has(word);
  const isWord = (word: string) => numberOf(word) === undefined;
  const nothing = odd(isNothing);
  const hasWords = words.some((word) => isWord(word) && !isNothing(word.toLowerCase()));
  if (nothing >= 0 && !(kind === "classes" && hasWords)) {
    const advice = hasWords
      ? `${AS_CLASS}, else leave the row out`
      : "leave the row out, as it is neither class nor score, whatever `data.labels` says";
    fail(nothing, `label ${shown(labels[nothing])} says that there is none: ${advice}`);
  }
  if (kind === "classes") return words;
  const inBrackets = odd((word) => /^\[.*\]$/.test(word));
  if (inBrackets >= 0) {
    fail(inBrackets, `label ${shown(labels[inBrackets])} is a list, and ${SEVERAL}; ${AS_CLASS}`);
  }
  const inQuotes = odd((word) => /^".*"$/.test(word));
  if (inQuotes >= 0) {
    fail(
      inQuotes,
      `label ${shown(labels[inQuotes])} holds its quotes: a field begins with its quote, not with a space`,
    );
  }
  const comma = odd((word) => COMMA.test(word));
  if (comma >= 0) fail(comma, `${noScore(labels[comma])}; ${AS_CLASS}`);
  const word = words.findIndex(isWord);
  const numbers = words.filter((word) => !isWord(word));
  const hasFractions = numbers.some((number) => !Number.isInteger(Number(number)));
  if (word >= 0 && numbers.length > 0 && (hasFractions || 2 * numbers.length >= words.length)) {
    const share = `${numbers.length} of ${words.length} labels are numbers`;
    fail(word, `label ${shown(labels[word])} is no number, and ${share}: ${AS_CLASS}`);
  }
  return words;
}

/**
 * What labels are. Where `kind` does not say it: scores where all are numbers and one of them at least is not whole,
 * else classes, in the order of {@linkcode sortedLabels}. Equal numbers are one class.
 *
 * Throws what `fail` does, by default a SyntaxError, where a label is missing or no number among scores, and where it is
 * unclear what labels are: where most are numbers, or one is a fraction, but not all are numbers; where one says that
 * there is none (`nan`, `N/A`) or is a list; and where more than 20 classes have fewer than two rows each.
 */
export function labelSet(labels: Iterable<unknown>, options: LabelSetOptions = {}): LabelSet {
  const { kind } = options;
  const fail = options.fail ?? ((row: number | undefined, reason: string): never => {
    throw new SyntaxError(`Cannot use ${row === undefined ? "labels" : `label ${row}`} as ${reason}`);
  });
  const all = [...labels];
  if (kind === "scores") {
    all.forEach((label, row) => numberOf(label) ?? fail(row, noScore(label)));
    return { kind: "regression", labels: [] };
  }
  const words = requireWords(all, kind, fail);
  const areNumbers = words.every((word) => numberOf(word) !== undefined);
  if (kind === undefined && areNumbers && words.some((word) => !Number.isInteger(Number(word)))) {
    return { kind: "regression", labels: [] };
  }
  const classes = sortedLabels(words);
  if (kind === undefined && classes.length > MANY && 2 * classes.length > words.length) {
    const advice = areNumbers
      ? "`data.labels` scores or `data.labels` classes says which"
      : "`data.labels` classes if they are classes";
    fail(undefined, `its ${words.length} labels are ${classes.length} different ones: ${advice}`);
  }
  return { kind: "classes", labels: classes };
}
