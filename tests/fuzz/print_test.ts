import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { evaluate, type TypedArray } from "../../lib/tensor/mod.ts";
import { testDevice } from "../support/device.ts";
import { expectClose } from "../support/numbers.ts";
import { buildValues } from "./build.ts";
import { generate } from "./generate.ts";
import { hostLeaves } from "./plain.ts";
import { print } from "./print.ts";
import type { Program, Transform } from "./program.ts";

const PACKAGE = '"@delta-dawn/delta-lora"';
const MODULE = JSON.stringify(new URL("../../mod.ts", import.meta.url).href);

const has = (kind: Transform["kind"], transform: Transform | undefined): boolean =>
  transform !== undefined && (transform.kind === kind || has(kind, transform.inside));

/** Programs that are printed as code alone: derivatives, steps and cells of steps are told in comments. */
function* programs(fits: (program: Program) => boolean): Generator<Program> {
  for (let number = 0;; number++) {
    const { jit: _, trials: __, ...program } = generate(number);
    const isCode = !program.derive && !program.loop && !program.cells;
    if (isCode && fits({ ...program, jit: false })) yield { ...program, jit: false };
  }
}

/** What the printed text of a program gives. */
async function resultsOfText(text: string): Promise<TypedArray[]> {
  const module = text.replace(PACKAGE, MODULE).replace("await dd.openDevice();", "")
    .replace(/^console\.log\((.*)\);$/m, "export const results = $1;");
  const path = await Deno.makeTempFile({ suffix: ".js" });
  try {
    await Deno.writeTextFile(path, module);
    const { results } = await import(`file://${path}`);
    return results;
  } finally {
    await Deno.remove(path);
  }
}

describe("print", () => {
  const kinds: Readonly<Record<string, (program: Program) => boolean>> = {
    "without transforms": ({ segment }) => segment === undefined,
    "of vmap": ({ segment }) => segment?.kind === "vmap" && segment.axes.some((axis) => axis !== null),
    "of vmap with transforms inside": ({ segment }) => segment?.kind === "vmap" && segment.inside !== undefined,
    "of vmap inside of transforms": ({ segment }) => segment?.kind !== "vmap" && has("vmap", segment),
    "of scan with a carry": ({ segment }) => segment?.kind === "scan" && segment.inputs.includes("moved"),
    "of scan beside other transforms": ({ segment }) => segment?.inside !== undefined && has("scan", segment),
  };
  for (const [name, fits] of Object.entries(kinds)) {
    it(`gives code that computes the same as the program, ${name}`, async () => {
      await testDevice();
      for (const program of programs(fits).take(2)) {
        const values = buildValues(program, hostLeaves(program), "written");
        const wanted = await evaluate(program.outputs.map((output) => values[output]));
        const got = await resultsOfText(print(program));
        expect(got.length).toBe(wanted.length);
        for (const [i, tensor] of wanted.entries()) expectClose(got[i], await tensor.data());
      }
    });
  }
});
