import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import * as bench from "../../bench/arguments.ts";
import * as profile from "../../bench/profile.ts";
import * as tune from "../../bench/tune.ts";
import type { Flags } from "../../experiments/terminal/flags.ts";
import * as convert from "../../experiments/cli/convert.ts";
import * as doctor from "../../experiments/cli/doctor.ts";
import * as evaluate from "../../experiments/cli/evaluate.ts";
import * as merge from "../../experiments/cli/merge.ts";
import * as pretrain from "../../experiments/cli/pretrain.ts";
import * as ablations from "../../experiments/cli/reproduce_ablations.ts";
import * as glue from "../../experiments/cli/reproduce_glue.ts";
import * as generate from "../../experiments/cli/generate.ts";
import * as train from "../../experiments/cli/train.ts";
import * as fuzz from "../fuzz/mod.ts";
import { ROOT } from "./run_task.ts";

/** Commands with flags; the tasks `ok`, `test` and `notebooks` read theirs by hand. */
const COMMANDS: Readonly<Record<string, { readonly HELP: string; readonly FLAGS: Flags }>> = {
  bench,
  convert,
  doctor,
  evaluate,
  fuzz,
  generate,
  merge,
  pretrain,
  profile,
  "reproduce ablations": ablations,
  "reproduce glue": glue,
  train,
  tune,
};

const FLAG = /(?<![\w-])--([a-z][a-z-]*)/g;
const flagsIn = (text: string) => [...new Set(Array.from(text.matchAll(FLAG), ([, name]) => name))].sort();

describe("the help of", () => {
  for (const [name, { HELP, FLAGS }] of Object.entries(COMMANDS)) {
    const known = [...FLAGS.boolean, ...FLAGS.string].sort();

    it(`deno task ${name} explains each flag that the command reads, on a line of its own or of its kin`, () => {
      const lines = HELP.split("\n").filter((line) => /^ {2}--/.test(line));
      expect(flagsIn(lines.join("\n"))).toEqual(known);
    });

    it(`deno task ${name} names no flag that the command does not read`, () => {
      expect(known).toEqual(expect.arrayContaining(flagsIn(HELP)));
    });
  }
});

describe("Markdown", () => {
  const files = [
    "README.md",
    "experiments/README.md",
    "experiments/ablations.md",
    "CONTRIBUTING.md",
    "bench/README.md",
  ];
  for (const file of files) {
    it(`shows commands with flags that they read: ${file}`, async () => {
      const text = (await Deno.readTextFile(new URL(file, ROOT))).replaceAll("\\\n", " ");
      for (const [, line] of text.matchAll(/deno(?:@[\d.]+)? task ([^\n`#]*)/g)) {
        const name = Object.keys(COMMANDS).find((name) => line === name || line.startsWith(`${name} `));
        if (name === undefined) continue;
        const { boolean, string } = COMMANDS[name].FLAGS;
        expect([...boolean, ...string]).toEqual(expect.arrayContaining(flagsIn(line)));
      }
    });
  }
});
