import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { Numbers } from "../support/numbers.ts";
import { compare } from "./compare.ts";
import { generate } from "./generate.ts";
import { inOrder, interpret } from "./interpret.ts";
import { plainResults } from "./plain.ts";
import { stateLeaves } from "./program.ts";

const PROGRAMS = Array.from({ length: 400 }, (_, number) => generate(number));
const share = (fits: (program: typeof PROGRAMS[number]) => boolean) => PROGRAMS.filter(fits).length / PROGRAMS.length;

describe("generate", () => {
  it("gives the same program for the same number", () => {
    for (const number of [0, 7, 123456789]) expect(generate(number)).toEqual(generate(number));
  });

  it("gives plain data: what JSON makes of a program is the program", () => {
    for (const program of PROGRAMS) expect(JSON.parse(JSON.stringify(program))).toEqual(program);
  });

  it("gives programs of every kind", () => {
    const kinds: Readonly<Record<string, Parameters<typeof share>[0]>> = {
      eager: ({ jit }) => !jit,
      jitted: ({ jit }) => jit,
      donated: ({ leaves }) => leaves.some(({ donated }) => donated),
      disposed: ({ disposes }) => disposes === true,
      grad: ({ derive }) => derive?.kind === "grad",
      vjp: ({ derive }) => derive?.kind === "vjp",
      sgd: ({ loop }) => loop?.optimizer === "sgd",
      momentum: ({ loop }) => loop?.optimizer === "momentum",
      adamw: ({ loop }) => loop?.optimizer === "adamw",
      carried: (program) => (program.loop?.carry.length ?? 0) > 0 && stateLeaves(program).size > 0,
      checkpoint: ({ segment }) => segment?.kind === "checkpoint",
      customVjp: ({ segment }) => segment?.kind === "customVjp",
      vmap: ({ segment }) => segment?.kind === "vmap",
      "transforms inside of vmap": ({ segment }) => segment?.kind === "vmap" && segment.inside !== undefined,
      "vmap inside of transforms": ({ segment }) => segment?.inside?.kind === "vmap",
      "derivatives of vmap": ({ segment, derive }) => segment?.kind === "vmap" && derive !== undefined,
      "vmap of derivatives": ({ cells, derive }) => cells !== undefined && derive !== undefined,
      scan: ({ segment }) => segment?.kind === "scan",
      "scan inside of transforms": ({ segment }) => segment?.inside?.kind === "scan",
      "transforms inside of scan": ({ segment }) => segment?.kind === "scan" && segment.inside !== undefined,
      "derivatives of scan": ({ segment, derive }) => segment?.kind === "scan" && derive !== undefined,
      "scan of cells": ({ segment, cells }) => segment?.kind === "scan" && cells !== undefined,
      "last carries": ({ segment }) => segment?.kind === "scan" && segment.shows === true,
      "all cells": ({ segment }) => segment?.kind === "vmap" && segment.shows === true,
      empty: ({ leaves }) => leaves.some(({ shape }) => shape.includes(0)),
      special: ({ leaves }) => leaves.some(({ values }) => values.includes("NaN")),
      twins: ({ leaves }) => leaves.some(({ same }) => same !== undefined),
      numbers: ({ leaves }) => leaves.some(({ given }) => given === "number"),
      repeated: ({ outputs }) => new Set(outputs).size < outputs.length,
      f16: ({ leaves }) => leaves.some(({ dtype }) => dtype === "f16"),
      deep: ({ leaves }) => leaves.some(({ shape }) => shape.length === 5),
      long: ({ leaves }) => leaves.some(({ shape }) => shape.some((size) => size > 256)),
    };
    for (const [name, fits] of Object.entries(kinds)) {
      expect({ [name]: share(fits) > 0.01 }).toEqual({ [name]: true });
    }
  });

  it("gives few results of which rounding alone can make anything", () => {
    let [results, skipped] = [0, 0];
    for (const [number, program] of PROGRAMS.slice(0, 200).entries()) {
      const wanted = plainResults(program);
      const order = inOrder(wanted);
      const exact = interpret(order);
      const noise = new Numbers(number);
      const rounded = Array.from({ length: 3 }, () => interpret(order, { noise }));
      for (const tensor of wanted) {
        const { data } = exact.get(tensor)!;
        const { held, loose } = compare(data, {
          dtype: tensor.dtype,
          exact: data,
          rounded: rounded.map((run) => run.get(tensor)!.data),
        });
        results++;
        if (held === 0 && loose > 0) skipped++;
      }
    }
    expect(skipped / results).toBeLessThan(0.03);
  });
});
