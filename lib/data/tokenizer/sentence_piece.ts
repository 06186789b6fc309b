/** What is read of a SentencePiece model: a `spm.model`. */
export interface SentencePieceModel {
  /** "unigram", or another kind by its number. */
  readonly kind: string;
  /** Pieces with their logarithmic probabilities, by id. */
  readonly pieces: readonly (readonly [piece: string, score: number])[];
  /** Pieces of control (`[CLS]`) and those of the user, by id: they are found in the text itself. */
  readonly added: readonly { readonly content: string; readonly special: boolean }[];
  readonly unknownId: number;
  /** The compiled table of its normalisation; empty where it changes nothing. */
  readonly charsmap: Uint8Array;
}

/** A field of a protocol buffer: its number, and its bytes or its number's bits. */
type Field = readonly [number: number, value: Uint8Array | number];

/** The fields of a protocol buffer's message. Throws a SyntaxError where one reaches beyond it. */
function* fieldsOf(bytes: Uint8Array): Generator<Field> {
  let at = 0;
  const cut = (count: number): Uint8Array => {
    if (at + count > bytes.length) throw new SyntaxError("a field reaches beyond the end: is it truncated?");
    return bytes.subarray(at, at += count);
  };
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; scale < 2 ** 70; scale *= 128) {
      const [byte] = cut(1);
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw new SyntaxError("a number has more than ten bytes");
  };
  while (at < bytes.length) {
    const tag = varint();
    const [number, type] = [Math.floor(tag / 8), tag % 8];
    if (type === 0) yield [number, varint()];
    else if (type === 1) yield [number, cut(8)];
    else if (type === 2) yield [number, cut(varint())];
    else if (type === 5) yield [number, cut(4)];
    else throw new SyntaxError(`a field has the unknown type ${type}`);
  }
}

const asBytes = (value: Uint8Array | number): Uint8Array => {
  if (typeof value === "number") throw new SyntaxError("a number stands where a text or message should");
  return value;
};

const asNumber = (value: Uint8Array | number): number => {
  if (typeof value !== "number") throw new SyntaxError("a text or message stands where a number should");
  return value;
};

/** Types of pieces. */
const [NORMAL, CONTROL, USER_DEFINED] = [1, 3, 4];

/** Reads the pieces and settings of a SentencePiece model. Throws a SyntaxError where its bytes are no such model. */
export function parseSentencePiece(bytes: Uint8Array): SentencePieceModel {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const pieces: [string, number][] = [];
  const added: { content: string; special: boolean }[] = [];
  let [kind, unknownId, charsmap] = [1, 0, new Uint8Array()];
  for (const [number, value] of fieldsOf(bytes)) {
    if (number === 1) {
      let [piece, score, type] = ["", 0, NORMAL];
      for (const [part, content] of fieldsOf(asBytes(value))) {
        if (part === 1) piece = decoder.decode(asBytes(content));
        if (part === 2) score = floatOf(asBytes(content));
        if (part === 3) type = asNumber(content);
      }
      pieces.push([piece, score]);
      if (type === CONTROL || type === USER_DEFINED) added.push({ content: piece, special: type === CONTROL });
    } else if (number === 2) {
      for (const [part, content] of fieldsOf(asBytes(value))) {
        if (part === 3) kind = asNumber(content);
        if (part === 40) unknownId = asNumber(content);
      }
    } else if (number === 3) {
      for (const [part, content] of fieldsOf(asBytes(value))) {
        if (part === 2) charsmap = new Uint8Array(asBytes(content));
      }
    }
  }
  if (pieces.length === 0) throw new SyntaxError("it has no pieces");
  return { kind: kind === 1 ? "unigram" : `number ${kind}`, pieces, added, unknownId, charsmap };
}

function floatOf(bytes: Uint8Array): number {
  if (bytes.length !== 4) throw new SyntaxError("a score has no 4 bytes");
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getFloat32(0, true);
}
