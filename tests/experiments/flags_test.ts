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
import * as texts from "../../experiments/cli/reproduce_texts.ts";
import * as generate from "../../experiments/cli/generate.ts";
import * as suite from "../../experiments/cli/suite.ts";
import * as run from "../../experiments/cli/run.ts";
import * as sweep from "../../experiments/cli/sweep.ts";
import * as train from "../../experiments/cli/train.ts";
import * as watch from "../../experiments/cli/watch.ts";
import * as fuzz from "../fuzz/mod.ts";
import * as notebooks from "../../tools/notebooks.ts";
import * as ok from "../../tools/ok.ts";
import * as test from "../../tools/test.ts";
import { GLUE } from "../../experiments/cli/glue_flags.ts";
import { TRAIN } from "../../experiments/cli/train_flags.ts";
import type { FlagTable } from "../../experiments/terminal/flag_table.ts";
import { PRETRAIN_PATHS } from "../../experiments/terminal/in_flags.ts";
import { flagPaths, readFlags } from "../../experiments/terminal/read_flags.ts";
import { METHOD_FLAGS } from "../../experiments/cli/train_draft.ts";
import { ORDERS } from "../../tools/import_order.ts";
import { readSources } from "../../tools/read_sources.ts";
import { ROOT } from "./run_task.ts";

/** A command's help, its table of flags, and the files that read them. */
interface Command {
  readonly HELP: string;
  readonly FLAGS: FlagTable;
  readonly files: readonly string[];
  /** Flags that no table has: those of methods' options. */
  readonly others?: Flags;
  /** Flags that go on to another program as they are. */
  readonly passed?: readonly string[];
}

const cli = (name: string) => `experiments/cli/${name}.ts`;

/** All commands. */
const COMMANDS: Readonly<Record<string, Command>> = {
  bench: { ...bench, files: ["bench/arguments.ts"] },
  convert: { ...convert, files: [cli("convert")] },
  doctor: { ...doctor, files: [cli("doctor")] },
  evaluate: { ...evaluate, files: [cli("evaluate"), cli("task_flags")] },
  fuzz: { ...fuzz, files: ["tests/fuzz/mod.ts"] },
  generate: { ...generate, files: [cli("generate"), cli("generate_texts")] },
  merge: { ...merge, files: [cli("merge"), cli("task_flags")] },
  notebooks: { ...notebooks, files: ["tools/notebooks.ts"] },
  ok: { ...ok, files: ["tools/ok.ts"] },
  pretrain: { ...pretrain, files: [cli("pretrain")] },
  profile: { ...profile, files: ["bench/profile.ts"], others: METHOD_FLAGS },
  "reproduce ablations": { ...ablations, files: [cli("reproduce_ablations"), cli("grid_options")] },
  "reproduce e2e": { ...texts, files: [cli("reproduce_texts"), cli("grid_options")] },
  "reproduce glue": { ...glue, files: [cli("reproduce_glue"), cli("grid_options")] },
  run: { ...run, files: [cli("run"), cli("grid_options")] },
  sweep: { ...sweep, files: [cli("sweep"), cli("sweep_flags")] },
  suite: { ...suite, files: [cli("suite")] },
  // What else `deno test` takes goes on to it.
  test: { ...test, files: ["tools/test.ts"], passed: ["filter"] },
  train: {
    ...train,
    FLAGS: TRAIN,
    files: ["train", "run_training", "train_draft", "task_flags"].map(cli),
    others: METHOD_FLAGS,
  },
  watch: { ...watch, files: [cli("watch")] },
  tune: { ...tune, files: ["bench/tune.ts"] },
};

/** Names of a command's flags, those of methods' options, too. */
function namesOf({ FLAGS, others }: Command): string[] {
  const own = [FLAGS, others && Object.fromEntries([...others.boolean, ...others.string].map((name) => [name, name]))];
  return own.flatMap((table) => Object.keys(table ?? {})).sort();
}

const FLAG = /(?<![\w-])--([a-z][a-z-]*)/g;
const flagsIn = (text: string) => [...new Set(Array.from(text.matchAll(FLAG), ([, name]) => name))].sort();

describe("the help of", () => {
  for (const [name, command] of Object.entries(COMMANDS)) {
    const { HELP } = command;
    const known = namesOf(command);

    it(`deno task ${name} explains each flag that the command reads, on a line of its own or of its kin`, () => {
      const lines = HELP.split("\n").filter((line) => /^ {2}--/.test(line));
      expect(flagsIn(lines.join("\n"))).toEqual(known);
    });

    it(`deno task ${name} names no flag that the command does not read`, () => {
      expect(known).toEqual(expect.arrayContaining(flagsIn(HELP)));
    });
  }
});

describe("the table of flags", () => {
  for (const [name, { FLAGS: table, files, passed }] of Object.entries(COMMANDS)) {
    it(`has no flag that deno task ${name} does not read`, async () => {
      const texts = await Promise.all(files.map((file) => Deno.readTextFile(new URL(file, ROOT))));
      // As a property of the flags, or where they are taken apart.
      const reads = texts.join("\n").replace(/^import [^;]*;$/gms, "");
      const taken = Array.from(
        reads.matchAll(/\{([^{}]*)\} = flags\b|flags: \{(.*?)\} *[,}]/gs),
        ([, first, second]) => first ?? second,
      );
      const isRead = (flag: string) =>
        new RegExp(`flags(\\.${flag}\\b|\\["${flag}"\\])|"--${flag}"`).test(reads) ||
        passed?.includes(flag) || taken.some((names) => new RegExp(`(^|[\\s"])${flag}($|[\\s",:])`, "m").test(names));
      expect(Object.keys(table).filter((flag) => !isRead(flag))).toEqual([]);
      expect(isRead("no-such-flag")).toBe(false);
    });
  }

  it("gives numbers, names and truths by what flags take, and refuses other values by the flag", () => {
    const flags = readFlags(["--steps=8", "--learning-rate=0.5", "--checkpoint=best", "--force"], GLUE);
    expect([flags.steps, flags["learning-rate"], flags.checkpoint, flags.force, flags.parquet, flags.seeds])
      .toEqual([8, 0.5, "best", true, false, undefined]);
    const wrong: [string, string][] = [
      ["--steps=0", '--steps is a whole number from 1, not "0"'],
      ["--learning-rate=-1", '--learning-rate is a number above 0, not "-1"'],
      ["--checkpoint=bets", 'unknown value of --checkpoint "bets": did you mean "best"?'],
      ["--scael=small", "unknown flag --scael=small: did you mean --scale?"],
      ["more", 'unexpected argument "more"'],
    ];
    for (const [arg, message] of wrong) expect(() => readFlags([arg], GLUE)).toThrow(message);
    expect(() => readFlags(["--dropout=1"], TRAIN)).toThrow('--dropout is a rate below 1, not "1"');
  });
});

/** Folders whose texts are of specs and options: only what is above them has flags. */
const BELOW = ["kernels/", "lib/", ...ORDERS.experiments.slice(0, -1).map((folder) => `experiments/${folder}/`)];

/** Flags of other programs, by the file that calls them; `--help` is every command's. */
const FOREIGN: Readonly<Record<string, readonly string[]>> = {
  "experiments/runner/own_module.ts": ["json"], // deno info
  "experiments/terminal/flags.ts": ["help"],
  "experiments/terminal/read_flags.ts": ["help"],
};

describe("what lies below the commands", () => {
  it("names flags of pretrain as its table does", () => {
    expect(PRETRAIN_PATHS).toEqual(flagPaths(pretrain.FLAGS));
  });

  const known = new Set(Object.values(COMMANDS).flatMap(namesOf));
  /** Flags of ours in a file's code, its comments aside. */
  const spelled = (code: string) =>
    flagsIn(code.replace(/\/\*[^]*?\*\/|(?<=^|\s)\/\/.*$/gm, "")).filter((name) => known.has(name));

  it("knows no flag's spelling: messages name options and places of a spec", () => {
    const found = [...readSources(ROOT)].filter(([path]) => BELOW.some((folder) => path.startsWith(folder)))
      .map(([path, code]) => [path, spelled(code).filter((name) => !FOREIGN[path]?.includes(name))] as const)
      .filter(([, names]) => names.length > 0);
    expect(found).toEqual([]);
  });

  it("is read by a test that finds flags in texts of all kinds, and none in comments", () => {
    const [double, template, comment] = ['"see --model"', "`${a}: --data ${b}`", "// as --seed has it"];
    expect(spelled(`${double}; ${template}; ${comment}\n/* --steps */ i --rate; "--no-flag"`)).toEqual([
      "data",
      "model",
    ]);
  });
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
        expect(namesOf(COMMANDS[name])).toEqual(expect.arrayContaining(flagsIn(line)));
      }
    });
  }
});
