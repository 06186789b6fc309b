/**
 * The normalisation that SentencePiece compiles into its models, as a function of text: each longest prefix that its
 * table knows is replaced, grapheme by grapheme first, as in Hugging Face's tokenizers.
 *
 * The table is the length of a double-array trie over UTF-8 bytes, the trie (little-endian u32s), and the replacements
 * as texts that end in a zero byte. Throws a SyntaxError where it is none.
 */
export function precompiledCharsmap(table: Uint8Array): (text: string) => string {
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  const trieBytes = table.length < 4 ? -1 : view.getUint32(0, true);
  if (trieBytes < 0 || trieBytes % 4 !== 0 || 4 + trieBytes > table.length) {
    throw new SyntaxError(`precompiled_charsmap of ${table.length} bytes holds no trie of ${trieBytes} bytes`);
  }
  const units = Uint32Array.from({ length: trieBytes / 4 }, (_, i) => view.getUint32(4 + 4 * i, true));
  const texts = table.subarray(4 + trieBytes);
  const encoder = new TextEncoder();
  const decoder = new TextDecoder();
  const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
  const known = new Map<string, string | undefined>();

  /** What the shortest known prefix of a text becomes, which is what the reference takes. */
  const find = (text: string): string | undefined => {
    let at = offsetOf(units[0] ?? 0);
    for (const byte of encoder.encode(text)) {
      if (byte === 0) return undefined;
      at ^= byte;
      const unit = units[at] ?? 0;
      // The label of a unit is its lowest byte, with the highest bit clear.
      if ((unit & 0x800000ff) !== byte) return undefined;
      at ^= offsetOf(unit);
      if ((unit >>> 8 & 1) === 1) {
        const start = (units[at] ?? 0) & 0x7fffffff;
        const end = texts.indexOf(0, start);
        return end < 0 ? undefined : decoder.decode(texts.subarray(start, end));
      }
    }
    return undefined;
  };
  const replacement = (text: string): string | undefined => {
    if (!known.has(text)) known.set(text, find(text));
    return known.get(text);
  };

  return (text) => {
    let result = "";
    for (const { segment } of segmenter.segment(text)) {
      const whole = encoder.encode(segment).length < 6 ? replacement(segment) : undefined;
      if (whole !== undefined) result += whole;
      else for (const char of segment) result += replacement(char) ?? char;
    }
    return result;
  };
}

function offsetOf(unit: number): number {
  return unit >>> 10 << ((unit & 0x200) >>> 6);
}
