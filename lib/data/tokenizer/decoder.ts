import { textOfByteCharacters } from "./byte_level.ts";
import { cleanUpWord } from "./clean_up.ts";
import { flagOf, type Part, partsOf, textOf } from "./part.ts";
import { stretchesOfPattern } from "./pattern.ts";
import { isCount } from "../../text/is_count.ts";
import { quoted } from "../../text/quoted.ts";

/** Makes texts of pieces that follow each other; joined, they are the whole text. */
export type DecodePieces = (pieces: readonly string[]) => readonly string[];

/**
 * What a `tokenizer.json`'s decoder does, step by step as in Hugging Face's tokenizers. Without one, pieces stand apart.
 * Throws a TypeError that names a decoder or a setting which is not known here.
 */
export function decoderOf(part: Part | null): DecodePieces {
  if (part === null) return (pieces) => [pieces.join(" ")];
  switch (part.type) {
    case "ByteLevel":
      return (pieces) => [textOfByteCharacters(pieces)];
    case "WordPiece":
      return wordPieces(part);
    case "Metaspace":
      return metaspace(part);
    case "BPEDecoder":
      return endsOfWords(part);
    case "ByteFallback":
      return bytesOfPieces;
    case "Fuse":
      return (pieces) => [pieces.join("")];
    case "Strip":
      return strip(part);
    case "Replace":
      return replace(part);
    case "Sequence": {
      const steps = partsOf(part, "decoders").map(decoderOf);
      return (pieces) => steps.reduce((texts, step) => step(texts), pieces);
    }
    default:
      throw new TypeError(`decoder ${quoted(part.type)} is not supported`);
  }
}

function wordPieces(part: Part): DecodePieces {
  const prefix = textOf(part, "prefix");
  const cleans = flagOf(part, "cleanup", true);
  return (pieces) =>
    pieces.map((piece, i) => {
      const word = i === 0 ? piece : piece.startsWith(prefix) ? piece.slice(prefix.length) : ` ${piece}`;
      return cleans ? cleanUpWord(word) : word;
    });
}

function metaspace(part: Part): DecodePieces {
  const mark = textOf(part, "replacement");
  const isNever = (part.prepend_scheme ?? (part.add_prefix_space === false ? "never" : "always")) === "never";
  return (pieces) => pieces.map((piece, i) => piece.replaceAll(mark, i === 0 && !isNever ? "" : " "));
}

function endsOfWords(part: Part): DecodePieces {
  const suffix = textOf(part, "suffix");
  return (pieces) => pieces.map((piece, i) => piece.replaceAll(suffix, i === pieces.length - 1 ? "" : " "));
}

/** Pieces such as `<0xE2>` as the text of their bytes, those in a row together; U+FFFD for each where they are no UTF-8. */
function bytesOfPieces(pieces: readonly string[]): string[] {
  const texts: string[] = [];
  let bytes: number[] = [];
  const flush = () => {
    if (bytes.length === 0) return;
    try {
      texts.push(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes)));
    } catch {
      texts.push(..."\ufffd".repeat(bytes.length));
    }
    bytes = [];
  };
  for (const piece of pieces) {
    const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(piece);
    if (byte) bytes.push(parseInt(byte[1], 16));
    else {
      flush();
      texts.push(piece);
    }
  }
  flush();
  return texts;
}

/** A setting that is a count, 0 where it is missing. */
function countOf(part: Part, name: string): number {
  const count = part[name] ?? 0;
  if (!isCount(count)) throw new TypeError(`${part.type} has no count at ${name}: ${quoted(count)}`);
  return count;
}

function strip(part: Part): DecodePieces {
  const content = textOf(part, "content");
  const [start, stop] = [countOf(part, "start"), countOf(part, "stop")];
  return (pieces) =>
    pieces.map((piece) => {
      const characters = [...piece];
      let [from, to] = [0, characters.length];
      while (from < start && characters[from] === content) from++;
      while (characters.length - to < stop && to > from && characters[to - 1] === content) to--;
      return characters.slice(from, to).join("");
    });
}

function replace(part: Part): DecodePieces {
  const [find, content] = [stretchesOfPattern(part), textOf(part, "content")];
  return (pieces) =>
    pieces.map((piece) =>
      find(piece).map(([start, end, isMatch]) => isMatch ? content : piece.slice(start, end)).join("")
    );
}
