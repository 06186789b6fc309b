import { type EncodedText, type EncodedTexts, IGNORED } from "./encoded_texts.ts";

/** Options of {@linkcode packTexts}. */
export interface PackTextsOptions {
  /** T: tokens of a row; the length of the longest text, rounded up to a multiple of 8, by default. */
  readonly length?: number;
}

/** Which texts stand in each row: the longest first, each in the fullest row that has room for it. */
function fillRows(lengths: readonly number[], length: number): number[][] {
  const order = lengths.map((_, i) => i).sort((a, b) => lengths[b] - lengths[a] || a - b);
  const rowsByRoom = Array.from({ length: length + 1 }, (): number[][] => []);
  const rows: number[][] = [];
  for (const text of order) {
    let room = lengths[text];
    while (room < length && rowsByRoom[room].length === 0) room++;
    let row = rowsByRoom[room].pop();
    if (!row) {
      [row, room] = [[], length];
      rows.push(row);
    }
    row.push(text);
    rowsByRoom[room - lengths[text]].push(row);
  }
  // Rows and the texts in each are in the order of the texts, as far as that can be.
  return rows.map((row) => row.sort((a, b) => a - b)).sort(([a], [b]) => a - b);
}

function joinTexts(texts: readonly EncodedText[]): EncodedText {
  return {
    ids: texts.flatMap(({ ids }) => ids),
    // The last token of a text predicts nothing: what stands behind it is another one.
    labels: texts.flatMap(({ labels }) => [...labels.slice(0, -1), IGNORED]),
    segments: texts.flatMap(({ ids }, segment) => ids.map(() => segment)),
  };
}

/**
 * Puts several texts into each row, whole, so that little of it is padding: the longest first, each into the fullest row
 * that has room for it. Which texts share a row is a pure function of their lengths. Batches then say which text a token
 * is of (`segmentIds`) and where it stands in it (`positionIds`), so that texts of a row know nothing of each other.
 *
 * Throws a RangeError where texts are packed already, or one is longer than a row.
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * const text = (...ids: number[]) => ({ ids, labels: [...ids.slice(1), -100] });
 * const examples = [text(1, 2, 3), text(4, 5, 6, 7), text(8, 9)];
 * const encoded = { examples, length: 4, padId: 0, isPacked: false, cut: 0, dropped: 0 };
 * const { examples: [first, second] } = data.packTexts(encoded, { length: 6 });
 * console.log(first.ids, second.ids, second.segments); // [1, 2, 3] [4, 5, 6, 7, 8, 9] [0, 0, 0, 0, 1, 1]
 * ```
 */
export function packTexts(encoded: EncodedTexts, options: PackTextsOptions = {}): EncodedTexts {
  const { length = encoded.length } = options;
  if (encoded.isPacked) throw new RangeError("Cannot pack texts as they are packed already");
  const { examples } = encoded;
  const tooLong = examples.findIndex(({ ids }) => ids.length > length);
  if (tooLong >= 0 || !Number.isSafeInteger(length)) {
    throw new RangeError(
      `Cannot pack texts into rows of ${length} tokens as example ${tooLong} has ${examples[tooLong]?.ids.length}`,
    );
  }
  const rows = fillRows(examples.map(({ ids }) => ids.length), length);
  return { ...encoded, length, isPacked: true, examples: rows.map((row) => joinTexts(row.map((i) => examples[i]))) };
}
