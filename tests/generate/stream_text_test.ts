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

  it("gives what follows where a decoder takes back what was given", async () => {
    const words = ["do", " n", "'t", " rock", " '", "n", " '", " roll", " ."];
    const clean = (text: string) => text.replace(" n't", "n't").replace(/ ' /g, "'").replace(" .", ".");
    const all: string[] = [];
    for await (const piece of streamText(words.keys(), (ids) => clean(ids.map((id) => words[id]).join("")))) {
      all.push(piece);
    }
    expect(all).toEqual(["do", " n", "'t", " rock", " '", "n", " '", "roll", "."]);
  });

  it("decodes few tokens for each that comes, and has the text of all", async () => {
    const bytes = new TextEncoder().encode("Größer als 1 €, ".repeat(40));
    let most = 0;
    let text = "";
    const few = (ids: readonly number[]) => {
      most = Math.max(most, ids.length);
      return decode(ids);
    };
    for await (const piece of streamText(bytes, few)) text += piece;
    expect(text).toBe("Größer als 1 €, ".repeat(40));
    expect(most).toBeLessThan(40);
  });

  it("gives what is left where a text ends within a letter", async () => {
    expect(await pieces([65, 0xc3])).toEqual(["A", "\ufffd"]);
  });
});
