/** The characters that GPT-2 writes for bytes: printable ones for themselves, the others from U+0100 on. */
const BYTE_CHARACTERS: readonly string[] = (() => {
  const printable = (byte: number) =>
    byte >= 33 && byte <= 126 || byte >= 161 && byte <= 172 || byte >= 174 && byte <= 255;
  let others = 0;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : 256 + others++));
})();

const encoder = new TextEncoder();

/** A text's UTF-8 bytes in GPT-2's characters. */
export function byteCharacters(text: string): string {
  let characters = "";
  for (const byte of encoder.encode(text)) characters += BYTE_CHARACTERS[byte];
  return characters;
}
