import { plural } from "../../text/plural.ts";
import { roundedLength } from "../batch_sequence.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { TextPair } from "./text_pairs.ts";

/** The label of a place where nothing is asked. */
export const IGNORED = -100;

/** A text as token ids, with what is to be predicted of it. */
export interface EncodedText {
  /** Token ids, not padded. */
  readonly ids: readonly number[];
  /**
   * The token that should stand behind each one, or −100 where that is not asked; as long as `ids`. They are shifted
   * already: `labels[t]` is `ids[t + 1]` where that one is learned.
   */
  readonly labels: readonly number[];
  /** Which text of a packed row each token is of, from 0; as long as `ids`. Absent where there is one text alone. */
  readonly segments?: readonly number[];
}

/** Texts as token ids, with what batches of them need to know. */
export interface EncodedTexts {
  /** The texts in their order, or rows of several texts. */
  readonly examples: readonly EncodedText[];
  /** T: most tokens of a row. No example has more. */
  readonly length: number;
  /** The token id that stands where there is no text. */
  readonly padId: number;
  /** Whether rows hold several texts, so that batches say which. */
  readonly isPacked: boolean;
  /** Examples that lost tokens as they were longer than the most that was asked for. */
  readonly cut: number;
  /** Examples that were left out as none of their learned tokens fits. */
  readonly dropped: number;
}

/** Part of a text: given, or to be learned. */
export interface TextPart {
  readonly ids: readonly number[];
  readonly isLearned: boolean;
}

/**
 * What becomes of a text that is longer than `maxLength`. `end`: what is too much is cut off at its end, as the LoRA
 * paper's code does. `prompt`: what stands before the first learned token loses its beginning, and if that is not
 * enough, the end is cut off. `error`: it is refused. A text of which no learned token is left is dropped, and counted.
 */
export type Truncation = "end" | "prompt" | "error";

/** Options that {@linkcode encodeCompletions} and chats share. */
export interface EncodeTextsOptions {
  /** Most tokens of a text; 512 by default. */
  readonly maxLength?: number;
  /** What becomes of longer texts; `end` by default. */
  readonly truncation?: Truncation;
}

/** A text of parts, with labels of what is learned; nothing where no learned token is left of it. */
function joinParts(
  parts: readonly TextPart[],
  { maxLength = 512, truncation = "end" }: EncodeTextsOptions,
  place: string,
): { readonly text?: EncodedText; readonly isCut: boolean } {
  let ids = parts.flatMap(({ ids }) => [...ids]);
  let learned = parts.flatMap(({ ids, isLearned }) => ids.map(() => isLearned));
  const isCut = ids.length > maxLength;
  if (isCut) {
    if (truncation === "error") {
      throw new RangeError(`Cannot encode ${place} as it has ${ids.length} tokens, and at most ${maxLength} may be`);
    }
    // At least one token stays before the first learned one: it is what the model predicts that from.
    const given = Math.max(0, learned.indexOf(true) - 1);
    const start = truncation === "prompt" ? Math.min(ids.length - maxLength, given) : 0;
    ids = ids.slice(start, start + maxLength);
    learned = learned.slice(start, start + maxLength);
  }
  if (learned[0]) {
    throw new RangeError(`Cannot encode ${place} as its prompt is empty: no token stands before what is learned`);
  }
  if (!learned.includes(true)) return { isCut };
  const labels = ids.map((_, t) => learned[t + 1] ? ids[t + 1] : IGNORED);
  return { text: { ids, labels }, isCut };
}

/**
 * Texts of parts as token ids and labels. Throws a RangeError that names the example, from 0, which has no token before
 * those that are learned, or is too long where that is refused.
 */
export function encodeParts(
  texts: Iterable<readonly TextPart[]>,
  padId: number,
  options: EncodeTextsOptions,
): EncodedTexts {
  const { maxLength = 512 } = options;
  if (!Number.isSafeInteger(maxLength) || maxLength < 2) {
    throw new RangeError(`Cannot encode texts as maxLength must be a whole number from 2: ${maxLength}`);
  }
  const examples: EncodedText[] = [];
  let [cut, dropped, longest, index] = [0, 0, 1, 0];
  for (const parts of texts) {
    const { text, isCut } = joinParts(parts, options, `example ${index++}`);
    if (isCut) cut++;
    if (!text) {
      dropped++;
      continue;
    }
    longest = Math.max(longest, text.ids.length);
    examples.push(text);
  }
  if (examples.length === 0 && index > 0) {
    throw new RangeError(
      `Cannot encode ${plural(index, "text")} as nothing that is learned fits into ${maxLength} tokens`,
    );
  }
  const length = roundedLength(longest, maxLength);
  return { examples, length, padId, isPacked: false, cut, dropped };
}

/** Tokens that a tokenizer puts before a text, `<s>` say. */
function beginOf(tokenizer: Tokenizer): readonly number[] {
  const [all, plain] = [true, false].map((addSpecial) => tokenizer.encode("a", undefined, { addSpecial }).ids);
  const start = all.findIndex((_, at) => plain.every((id, i) => all[at + i] === id));
  return all.slice(0, Math.max(0, start));
}

/** The token that ends a text. Throws a RangeError where the tokenizer has none. */
function endOf(tokenizer: Tokenizer): readonly number[] {
  if (tokenizer.eosId !== undefined) return [tokenizer.eosId];
  throw new RangeError("Cannot end texts as the tokenizer's files name no eos_token: give the ids of the end as `end`");
}

/** Options of {@linkcode encodePrompts}. */
export interface EncodePromptsOptions {
  /** Tokens before the prompt; what the tokenizer puts before texts by default. */
  readonly begin?: readonly number[];
  /** Tokens between prompt and completion, which are not learned; none by default. */
  readonly separator?: readonly number[];
}

/** Options of {@linkcode encodeCompletions}. */
export interface EncodeCompletionsOptions extends EncodeTextsOptions, EncodePromptsOptions {
  /** Tokens behind the completion, which are learned; the tokenizer's end by default. */
  readonly end?: readonly number[];
}

/**
 * Pairs of a prompt and its completion as token ids, of which the completion and its end alone are learned. Both are
 * tokenised by themselves, so that the prompt has the tokens that it has when a model is to go on with it. The LoRA
 * paper's texts are made with GPT-2's `<|endoftext|>` as separator and end, and a space before the completion.
 *
 * Throws a RangeError where the tokenizer has no end and none is given, and one that names the example, from 0, whose
 * prompt is empty, or which is too long where `truncation` is `error`.
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * const json = data.trainByteLevel(["name : Aromi This is Aromi."], { vocabSize: 257 });
 * const tokenizer = data.tokenizerFromJson(json, { eos_token: "<|endoftext|>" });
 * const [end] = [tokenizer.eosId ?? 0];
 * const pairs = [{ source: "Aromi", target: " It." }];
 * const { examples: [{ ids, labels }] } = data.encodeCompletions(pairs, tokenizer, { separator: [end] });
 * console.log(ids.length, labels.filter((label) => label !== -100).length); // 11 5
 * ```
 */
export function encodeCompletions(
  pairs: Iterable<TextPair>,
  tokenizer: Tokenizer,
  options: EncodeCompletionsOptions = {},
): EncodedTexts {
  return encodeParts(Array.from(pairs, completionMaker(tokenizer, options)), tokenizer.padId, options);
}

/** Makes the parts of a prompt and its completion. Throws a RangeError where nothing says what ends one. */
export function completionMaker(
  tokenizer: Tokenizer,
  { end = endOf(tokenizer), ...options }: Omit<EncodeCompletionsOptions, keyof EncodeTextsOptions>,
): (pair: TextPair) => TextPart[] {
  const given = promptMaker(tokenizer, options);
  return ({ source, target }) => [
    { ids: given(source), isLearned: false },
    { ids: [...tokenizer.encode(target, undefined, { addSpecial: false }).ids, ...end], isLearned: true },
  ];
}

/** What stands before a completion. */
function promptMaker(
  tokenizer: Tokenizer,
  { begin = beginOf(tokenizer), separator = [] }: EncodePromptsOptions,
): (prompt: string) => readonly number[] {
  return (prompt) => [...begin, ...tokenizer.encode(prompt, undefined, { addSpecial: false }).ids, ...separator];
}

/**
 * Prompts as token ids, for a model to go on with: the same that {@linkcode encodeCompletions} puts before completions.
 *
 * Throws a RangeError that names the prompt, from 0, which is empty: no token stands in it.
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * const tokenizer = data.tokenizerFromJson(data.trainByteLevel([]), { eos_token: "<|endoftext|>" });
 * const [ids] = data.encodePrompts(["name : Aromi"], tokenizer, { separator: [tokenizer.eosId ?? 0] });
 * console.log(tokenizer.decode(ids, { skipSpecial: false })); // name : Aromi<|endoftext|>
 * ```
 */
export function encodePrompts(
  prompts: Iterable<string>,
  tokenizer: Tokenizer,
  options: EncodePromptsOptions = {},
): (readonly number[])[] {
  const given = promptMaker(tokenizer, options);
  return Array.from(prompts, (prompt, i) => {
    const ids = given(prompt);
    if (ids.length === 0) {
      throw new RangeError(`Cannot encode prompt ${i} as it is empty: a model goes on from one token at least`);
    }
    return ids;
  });
}
