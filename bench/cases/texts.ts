import { encode, type EncodedExamples, wordPiece } from "../../lib/data/mod.ts";
import type { BenchModel } from "./models.ts";

const SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const ALPHABET = "abcdefghijklmnopqrstuvwxyz";
/** Any odd numbers without a common factor: texts repeat nothing for long. */
const [STRIDE, JUMP] = [7919, 104729];

/** A word of four letters for each number. */
function word(number: number): string {
  return Array.from({ length: 4 }, (_, i) => ALPHABET[Math.floor(number / 26 ** i) % 26]).join("");
}

/**
 * Texts of 2 to `length` − 2 words for a model's vocabulary, short ones more often than long ones, as examples that are
 * tokenised when a batch first asks for them.
 */
export function lazyTexts(
  { vocabSize, labels }: BenchModel,
  options: { count: number; length: number },
): EncodedExamples {
  const words = Array.from({ length: vocabSize - SPECIAL.length }, (_, i) => word(i));
  const longest = options.length - 2;
  const examples = Array.from({ length: options.count }, (_, i) => {
    const share = (i * STRIDE % options.count) / options.count;
    const count = 2 + Math.floor((longest - 1) * share ** 2);
    const text = Array.from({ length: count }, (_, j) => words[(i * STRIDE + j * JUMP) % words.length]).join(" ");
    return { text, label: i % labels };
  });
  return encode(examples, wordPiece([...SPECIAL, ...words]), { isLazy: true, maxLength: options.length });
}
