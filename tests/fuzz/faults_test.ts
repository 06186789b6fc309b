import { describe, it } from "@std/testing/bdd";
import { FAULTS, withFault } from "./faults.ts";

describe("faults that programs must find", () => {
  for (const fault of FAULTS) {
    it(`can be put back: ${fault.name}`, () => {
      withFault(Deno.readTextFileSync(new URL(`../../${fault.file}`, import.meta.url)), fault);
    });
  }
});
