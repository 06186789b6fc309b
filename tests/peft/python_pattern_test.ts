import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { pythonFullMatch, pythonMatch, UntranslatablePattern } from "../../lib/peft/files/python_pattern.ts";

const fixture = new URL("../fixtures/python_pattern.json", import.meta.url);
/** Texts, and of each expression which of them Python finds: null where it is no expression. */
const said: {
  readonly texts: readonly string[];
  readonly patterns:
    readonly (readonly [source: string, match: readonly number[] | null, full: readonly number[] | null])[];
} = JSON.parse(await Deno.readTextFile(fixture));

function places(pattern: RegExp): number[] {
  return said.texts.flatMap((text, i) => pattern.test(text) ? [i] : []);
}

describe("expressions of Python's", () => {
  it("match the texts that re.match and re.fullmatch do", () => {
    const read = said.patterns.filter(([, match]) => match !== null);
    expect(read.length).toBeGreaterThan(300);
    for (const [source, match, full] of read) {
      expect([source, places(pythonMatch(source))]).toEqual([source, match]);
      expect([source, places(pythonFullMatch(source))]).toEqual([source, full]);
    }
  });

  it("are refused where Python has none, and where this has no equal", () => {
    const none = said.patterns.flatMap(([source, match]) => match === null ? [source] : []);
    expect(none.length).toBeGreaterThan(10);
    for (const source of [...none, "(?>a)b", "a++", "a{2}+", "(a)?b\\1", "(a|b)\\1", "(?(1)a|b)", "\\N{DIGIT ONE}"]) {
      expect(() => pythonMatch(source)).toThrow(UntranslatablePattern);
    }
  });
});
