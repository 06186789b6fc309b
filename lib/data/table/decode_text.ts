/** Marks at the beginning of a text that say its encoding; the longer ones first. */
const MARKS: readonly [mark: readonly number[], encoding: string][] = [
  [[0xff, 0xfe, 0, 0], "UTF-32LE"],
  [[0, 0, 0xfe, 0xff], "UTF-32BE"],
  [[0xff, 0xfe], "UTF-16LE"],
  [[0xfe, 0xff], "UTF-16BE"],
];

/** Bytes of a text that is read: a string has no room for more. */
const MOST = 2 ** 29 - 25;

function decode(bytes: Uint8Array<ArrayBuffer>, encoding: string): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** The first line, from 1, whose bytes are no UTF-8: none of its characters holds the byte of a line feed. */
function firstBadLine(bytes: Uint8Array<ArrayBuffer>): number {
  for (let line = 1, start = 0;; line++) {
    const end = bytes.indexOf(0x0a, start);
    if (end < 0 || decode(bytes.subarray(start, end), "utf-8") === undefined) return line;
    start = end + 1;
  }
}

/**
 * The text of a file's bytes, without a byte order mark: UTF-8, or UTF-16 where such a mark says so.
 *
 * Throws a RangeError where it is too long for a string, and a SyntaxError that names the file and the encoding it seems to have, and the line of what is no UTF-8.
 */
export function decodeText(bytes: Uint8Array<ArrayBuffer>, file: string): string {
  const advice = (from: string) => `write it as UTF-8: iconv -f ${from} -t UTF-8 ${file}`;
  const encoding = MARKS.find(([mark]) => mark.every((byte, i) => bytes[i] === byte))?.[1] ?? "UTF-8";
  if (encoding.startsWith("UTF-32")) {
    throw new SyntaxError(`Cannot read ${file} as its encoding is ${encoding}: ${advice("UTF-32")}`);
  }
  if (bytes.length > MOST) {
    throw new RangeError(`Cannot read ${file} as it is a text of more than 512 MiB: split it, or write it as Parquet`);
  }
  const text = decode(bytes, encoding);
  if (text === undefined && encoding !== "UTF-8") {
    throw new SyntaxError(`Cannot read ${file} as its byte order mark says ${encoding}, but it is no such text`);
  }
  if (text === undefined) {
    throw new SyntaxError(
      `Cannot read ${file}:${firstBadLine(bytes)} as it is no UTF-8 text: it may be Latin-1 or Windows-1252; ` +
        advice("WINDOWS-1252"),
    );
  }
  if (text.includes("\0")) {
    throw new SyntaxError(
      `Cannot read ${file} as it holds NUL characters: it may be UTF-16 without a byte order mark; ${
        advice("UTF-16LE")
      }`,
    );
  }
  return text;
}
