import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { streamText } from "../../lib/generate/mod.ts";

const decode = (ids: readonly number[]) => new TextDecoder().decode(Uint8Array.from(ids));

async function pieces(bytes: Iterable<number>): Promise<string[]> {
  const all: string[] = [];
  for await (const piece of streamText(bytes, decode)) all.push(piece);
  return all;
}

describe("streamText", () => {
  it("gives pieces that make up the text, letters of several bytes in one piece", async () => {
    expect(await pieces(new TextEncoder().encode("Ä €!"))).toEqual(["Ä", " ", "€", "!"]);
  });

  it("gives what is left where a text ends within a letter", async () => {
    expect(await pieces([65, 0xc3])).toEqual(["A", "\ufffd"]);
  });
});
