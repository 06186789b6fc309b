import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { changed, changesOf, FAULTS } from "./faults.ts";

describe("faults that programs must find", () => {
  for (const fault of FAULTS) {
    it(`can be put back: ${fault.name}`, () => {
      for (const change of changesOf(fault)) {
        const text = Deno.readTextFileSync(new URL(`../../${change.file}`, import.meta.url));
        expect(changed(text, change)).not.toBe(text);
      }
    });
  }
});
