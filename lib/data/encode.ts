import { roundedLength } from "./batch_sequence.ts";
import type { Example } from "./glue.ts";
import { shown } from "./table/cells.ts";
import type { TokenIds, Tokenizer } from "./tokenizer/tokenizer.ts";
import { keysOf } from "../text/keys_of.ts";

/** An example as token ids, not padded. */
export interface EncodedExample {
  /** Token ids, special tokens included. */
  readonly ids: readonly number[];
  /** 0 in the first text, 1 in the second; as long as `ids`. */
  readonly typeIds: readonly number[];
  /** Number of a class, or the raw score of a regression. */
  readonly label: number;
}

/** Examples as token ids, with what batches of them need to know. */
export interface EncodedExamples {
  /** The examples in their order. */
  readonly examples: readonly EncodedExample[];
  /** What labels are: numbers of classes, which become i32, or scores of a regression, which become f32. */
  readonly kind: "classes" | "regression";
  /** T: most tokens of a batch. No example has more. */
  readonly length: number;
  /** The token id that stands behind the end of short examples. */
  readonly padId: number;
}

/** Options of {@linkcode encode} and {@linkcode encodeSplits}. */
export interface EncodeExamplesOptions {
  /** What labels are: `classes`, the default, for numbers of classes, or `regression` for scores. */
  readonly kind?: "classes" | "regression";
  /** Most tokens of an example, special tokens included; longer ones are cut. 128 by default. */
  readonly maxLength?: number;
  /**
   * Tokenises each example when a batch first asks for it, so that training begins at once and goes on with the device
   * at work meanwhile; false by default. The length is then `maxLength`: pad batches to buckets.
   */
  readonly isLazy?: boolean;
}

/** An example that is tokenised when it is first asked for. */
class LazyExample implements EncodedExample {
  #tokens: TokenIds | undefined;

  constructor(readonly label: number, readonly encode: () => TokenIds) {}

  get ids(): readonly number[] {
    return (this.#tokens ??= this.encode()).ids;
  }

  get typeIds(): readonly number[] {
    return (this.#tokens ??= this.encode()).typeIds;
  }
}

/** Throws a RangeError where a label is none: batches of whole numbers would take NaN, null and 0.5 for class 0. */
function requireLabel(label: unknown, kind: EncodedExamples["kind"], where: string): void {
  const isLabel = kind === "classes"
    ? Number.isInteger(label) && Math.abs(Number(label)) < 2 ** 31
    : Number.isFinite(label);
  if (isLabel) return;
  const wanted = kind === "classes" ? "the number of a class" : "a finite number";
  throw new RangeError(`Cannot encode ${where} as its label ${shown(label)} must be ${wanted}`);
}

/**
 * Several lists of examples as token ids, each tokenised once, under the names that they are given by: the splits of a
 * task, as a rule. All of them have one length, the tokens of the longest example rounded up to a multiple of 8 (at
 * most `maxLength`), so that a jitted function meets one shape in training and in scoring.
 *
 * Throws a RangeError that names the split and the example, from 0, whose label is no whole number where labels are
 * classes, or no finite one in a regression.
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * const pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film"];
 * const examples = { train: [{ text: "good film", label: 1 }], dev: [{ text: "bad", label: 0 }] };
 * const { train, dev } = data.encodeSplits(examples, data.wordPiece(pieces));
 * console.log(train.examples[0].ids, dev.length); // [2, 5, 7, 3] 8
 * ```
 */
export function encodeSplits<Name extends string>(
  splits: Readonly<Record<Name, readonly Example[]>>,
  tokenizer: Tokenizer,
  options: EncodeExamplesOptions = {},
): Record<Name, EncodedExamples> {
  return encodeNamed(splits, tokenizer, options, (i, name) => `example ${i} of ${name}`);
}

/**
 * Examples as token ids, tokenised once. Splits that are trained on and scored by one function are better encoded
 * together, by {@linkcode encodeSplits}: they get one length.
 *
 * Throws a RangeError that names the example, from 0, whose label is no whole number where labels are classes, or no
 * finite one in a regression.
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * const tokenizer = data.wordPiece(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film"]);
 * const encoded = data.encode([{ text: "good film", label: 1 }, { text: "bad", label: 0 }], tokenizer);
 * console.log(encoded.examples[0].ids, encoded.length); // [2, 5, 7, 3] 8
 * ```
 */
export function encode(
  examples: readonly Example[],
  tokenizer: Tokenizer,
  options: EncodeExamplesOptions = {},
): EncodedExamples {
  return encodeNamed({ examples }, tokenizer, options, (i) => `example ${i}`).examples;
}

function encodeNamed<Name extends string>(
  splits: Readonly<Record<Name, readonly Example[]>>,
  tokenizer: Tokenizer,
  { kind = "classes", maxLength = 128, isLazy = false }: EncodeExamplesOptions,
  place: (index: number, name: string) => string,
): Record<Name, EncodedExamples> {
  const names = keysOf(splits);
  const encoded = names.map((name) =>
    splits[name].map((example, i): EncodedExample => {
      const { text, text2, label } = example;
      requireLabel(label, kind, place(i, name));
      const tokens = () => tokenizer.encode(text, text2, { maxLength });
      return isLazy ? new LazyExample(label, tokens) : { ...tokens(), label };
    })
  );
  let longest = isLazy ? maxLength : 1;
  if (!isLazy) {
    for (const examples of encoded) {
      for (const { ids } of examples) longest = Math.max(longest, ids.length);
    }
  }
  const length = roundedLength(longest, maxLength);
  const { padId } = tokenizer;
  const entries = names.map((name, i) => [name, { examples: encoded[i], kind, length, padId }]);
  // An entry for each of the names.
  return Object.fromEntries(entries) as Record<Name, EncodedExamples>;
}
