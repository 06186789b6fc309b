import { sha256 } from "../specs/spec.ts";

/** Stands before the checksum, wherever a file has it; long enough to stand nowhere else. */
const MARK = "sha256-of-the-rest-of-this-record:";
const LENGTH = 64;

/** What a file's metadata say until it is sealed: the place of its checksum. */
export const UNSEALED: string = MARK + "0".repeat(LENGTH);

/** Where checksums stand: Arrow's files may have their schema twice. */
function placesIn(bytes: Uint8Array): number[] {
  const text = new TextDecoder("latin1").decode(bytes); // one character a byte
  return Array.from(text.matchAll(new RegExp(MARK, "g")), ({ index }) => index + MARK.length);
}

/** The checksum of everything but checksums. */
async function checksumOf(bytes: Uint8Array, places: readonly number[]): Promise<string> {
  const rest = new Uint8Array(bytes);
  for (const place of places) rest.fill(0, place, place + LENGTH);
  return await sha256(rest);
}

/** The same bytes with their checksum in the places that {@linkcode UNSEALED} keeps for it. */
export async function seal(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const places = placesIn(bytes);
  if (places.length === 0) throw new Error("internal: a file has no place for its checksum");
  const sealed = new Uint8Array(bytes);
  const checksum = new TextEncoder().encode(await checksumOf(bytes, places));
  for (const place of places) sealed.set(checksum, place);
  return sealed;
}

/**
 * Throws an Error where bytes are not those that were sealed. What parses a damaged file may take for ever over it: it is
 * asked before.
 */
export async function requireSeal(bytes: Uint8Array): Promise<void> {
  const places = placesIn(bytes);
  if (places.length === 0) throw new Error("it is no record, or was cut short: it has no checksum");
  const expected = await checksumOf(bytes, places);
  for (const place of places) {
    const found = new TextDecoder("latin1").decode(bytes.subarray(place, place + LENGTH));
    if (found !== expected) throw new Error("it is not what was written: its checksum is another");
  }
}
