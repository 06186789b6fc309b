import {
  ACTORS,
  BLAME,
  COLOURS,
  DEGREES,
  FUNCTION_WORDS,
  KINDS,
  OBJECTS,
  PLACES,
  PRAISE,
  QUALITIES,
  TIMES,
  VERBS,
  WORKS,
} from "./lexicon.ts";

/** Pieces of WordPiece, in the order of their ids: special tokens, letters, digits and marks, then the grammar's words. */
export function suiteVocabulary(): string[] {
  const letters = [..."abcdefghijklmnopqrstuvwxyz"];
  const digits = [..."0123456789"];
  const marks = [...".,!?'\"-:;()$%&/"];
  const words = [
    ...FUNCTION_WORDS,
    ...[...ACTORS, ...OBJECTS, ...Object.values(KINDS)].flatMap(({ singular, plural }) => [singular, plural]),
    ...VERBS.flatMap(({ base, third, past, participle }) => [base, third, past, participle]),
    ...QUALITIES.flat(),
    ...COLOURS,
    ...WORKS,
    ...PRAISE,
    ...BLAME,
    ...DEGREES,
    ...[...PLACES, ...TIMES].flatMap((phrase) => phrase.split(" ")),
  ];
  const pieces = new Set([
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    ...marks,
    ...letters,
    ...digits,
    ...[...letters, ...digits].map((character) => `##${character}`),
    ...words,
  ]);
  // A multiple of 8, so that kernels read the table four at a time.
  for (let i = 0; pieces.size % 8 !== 0; i++) pieces.add(`[unused${i}]`);
  return [...pieces];
}
