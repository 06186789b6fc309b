import { bucketLengths } from "../data/buckets.ts";
import { isCount } from "../text/is_count.ts";
import { plural } from "../text/plural.ts";
import { quoted } from "../text/quoted.ts";
import { tensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { GenerateSettings } from "./options.ts";

/** Texts of a batch as a model reads them, `B` rows. */
export interface GenerationInput {
  /** Token ids of the prompts, i32 `[B, T]`. */
  readonly inputIds: Tensor;
  /** Which of them count, i32 `[B, T]`: 1 for tokens, 0 for padding, on the left for a decoder, on the right for an encoder. */
  readonly attentionMask: Tensor;
  /** What the decoder goes on from, i32 `[B, U]`: the prompts themselves, but for an encoder-decoder. */
  readonly decoderInputIds: Tensor;
  /** Which of those count, i32 `[B, U]`. */
  readonly decoderAttentionMask: Tensor;
}

/** Prompts that were checked and laid out. */
export interface Prompts {
  readonly input: GenerationInput;
  /** Slots that they take of the decoder's cache, padding included. */
  readonly slots: number;
  /** Tokens of each row that the decoder goes on from. */
  readonly lengths: readonly number[];
  /** Most and fewest tokens of each row's text. */
  readonly most: readonly number[];
  readonly least: readonly number[];
  /** Number of the first of them among all prompts. */
  readonly number: number;
}

/** Tokens of a text where nothing says how many. */
const DEFAULT_TOKENS = 256;

type Rows = readonly (readonly number[])[];

function checkRows(prompts: Rows, { vocabSize, maxLength }: { vocabSize: number; maxLength: number }): void {
  if (prompts.length === 0) throw new RangeError("generate: there is no prompt");
  for (const [row, prompt] of prompts.entries()) {
    if (prompt.length === 0) {
      throw new RangeError(
        `generate: prompt ${row} is empty: a text needs a token to begin with, such as its first one`,
      );
    }
    if (prompt.length > maxLength) {
      throw new RangeError(
        `generate: prompt ${row} has ${prompt.length} tokens, and the model ${plural(maxLength, "position")}`,
      );
    }
    const wrong = prompt.find((token) => !isCount(token) || token >= vocabSize);
    if (wrong !== undefined) {
      throw new RangeError(`generate: prompt ${row} has the token ${quoted(wrong)}, and the vocabulary ${vocabSize}`);
    }
  }
}

/** Most tokens of a text that goes on from so many. */
function mostOf(settings: GenerateSettings, row: number, length: number, maxLength: number): number {
  const room = maxLength - length;
  const asked = settings.maxNewTokens ?? (settings.maxLength === undefined ? undefined : settings.maxLength - length);
  if (asked === undefined) {
    if (room > 0) return Math.min(DEFAULT_TOKENS, room);
    throw new RangeError(
      `generate: prompt ${row} fills the model's ${plural(maxLength, "position")}: nothing can follow`,
    );
  }
  if (asked > room) {
    throw new RangeError(
      `generate: prompt ${row} has ${plural(length, "token")}, and ${asked} more do not fit into the model's ${
        plural(maxLength, "position")
      }`,
    );
  }
  if (asked < 1) {
    throw new RangeError(`generate: prompt ${row} has ${plural(length, "token")}, and nothing is to be added to it`);
  }
  return asked;
}

/** Rows of one length, i32, and which of their tokens count. */
function padded(rows: Rows, length: number, side: "left" | "right"): { readonly ids: Tensor; readonly mask: Tensor } {
  const ids = new Int32Array(rows.length * length);
  const mask = new Int32Array(rows.length * length);
  for (const [i, row] of rows.entries()) {
    const start = i * length + (side === "left" ? length - row.length : 0);
    ids.set(row, start);
    mask.fill(1, start, start + row.length);
  }
  const shape = [rows.length, length];
  return { ids: tensor(ids, { shape }), mask: tensor(mask, { shape }) };
}

/**
 * Lays out prompts, in one of few lengths.
 *
 * Throws a RangeError that names the prompt where one is empty, too long, or has a token that the vocabulary has not, or
 * where the text to come does not fit behind it.
 */
export function layOut(
  prompts: Rows,
  settings: GenerateSettings,
  config: { readonly vocabSize: number; readonly maxLength: number },
  number = 0,
): Prompts {
  if (!isCount(number)) throw new RangeError(`generate: firstNumber is a whole number from 0, not ${quoted(number)}`);
  checkRows(prompts, config);
  const { decoderStart, minLength, minNewTokens } = settings;
  const longest = Math.max(...prompts.map(({ length }) => length));
  const length = bucketLengths(config.maxLength).find((bucket) => bucket >= longest) ?? longest;
  const { ids, mask } = padded(prompts, length, decoderStart ? "right" : "left");
  const begun = decoderStart && padded(prompts.map(() => decoderStart), decoderStart.length, "left");
  const lengths = prompts.map((prompt) => (decoderStart ?? prompt).length);
  const most = lengths.map((own, row) => mostOf(settings, row, own, config.maxLength));
  const least = lengths.map((own) => Math.max(minNewTokens, minLength - own));
  for (const [row, fewest] of least.entries()) {
    if (fewest <= most[row]) continue;
    throw new RangeError(
      `generate: prompt ${row} is to get ${plural(fewest, "token")} at least, and ${most[row]} at most`,
    );
  }
  return {
    input: {
      inputIds: ids,
      attentionMask: mask,
      decoderInputIds: begun?.ids ?? ids,
      decoderAttentionMask: begun?.mask ?? mask,
    },
    slots: decoderStart?.length ?? length,
    lengths,
    most,
    least,
    number,
  };
}
