/** The characters that GPT-2 writes for bytes: printable ones for themselves, the others from U+0100 on. */
export const BYTE_CHARACTERS: readonly string[] = (() => {
  const printable = (byte: number) =>
    byte >= 33 && byte <= 126 || byte >= 161 && byte <= 172 || byte >= 174 && byte <= 255;
  let others = 0;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : 256 + others++));
})();

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A text's UTF-8 bytes in GPT-2's characters. */
export function byteCharacters(text: string): string {
  let characters = "";
  for (const byte of encoder.encode(text)) characters += BYTE_CHARACTERS[byte];
  return characters;
}

const BYTES: ReadonlyMap<string, number> = new Map(BYTE_CHARACTERS.map((character, byte) => [character, byte]));

/**
 * The text whose UTF-8 bytes pieces have in GPT-2's characters; what is no UTF-8 becomes U+FFFD. A piece with any other
 * character, as an added token may be, stands for itself.
 */
export function textOfByteCharacters(pieces: readonly string[]): string {
  const bytes: number[] = [];
  for (const piece of pieces) {
    const found = Array.from(piece, (character) => BYTES.get(character));
    if (found.every((byte) => byte !== undefined)) bytes.push(...found);
    else bytes.push(...encoder.encode(piece));
  }
  return decoder.decode(Uint8Array.from(bytes));
}
