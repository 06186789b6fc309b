import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { METHOD_OPTIONS } from "../../lib/experiment/mod.ts";
import { adapterMethod, completeOptions, defineMethod, methodNamed, METHODS } from "../../lib/peft/mod.ts";
import { bert } from "../../lib/models/mod.ts";
import { random } from "../../lib/ops/mod.ts";

const ROOT = new URL("../../", import.meta.url);
const STEPS = 100;
const TARGETS = ".*\\.(query|value)";
const base = bert({ vocabSize: 16, hiddenSize: 8, layers: 1, heads: 2, maxLength: 8, labels: 2 }).init(random.key(0));

/** Addresses of papers: on arXiv, or where they were reviewed if they are not there. */
const PAPER = /^https:\/\/(arxiv\.org\/abs\/\d{4}\.\d{5}|openreview\.net\/forum\?id=\w+)$/;

/** All files of the given kind below a folder, as paths from the root. */
function* filesIn(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(`${folder}/`, ROOT))) {
    if (isDirectory) yield* filesIn(`${folder}/${name}`);
    else if (name.endsWith(".ts")) yield `${folder}/${name}`;
  }
}

/** The code of a file without its comments. */
const codeOf = (path: string) =>
  Deno.readTextFileSync(new URL(path, ROOT)).replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");

describe("METHODS", () => {
  it("has each method once, by name", () => {
    const names = METHODS.map(({ name }) => name);
    expect(names).toEqual([...new Set(names)].sort());
    expect(names).toEqual(expect.arrayContaining(["full", "lora", "delta-lora"]));
    for (const { name } of METHODS) expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
  });

  for (const method of METHODS) {
    const { name, summary, paper, options, recipe } = method;
    it(`${name} says in one line each what it and its options are, and where it comes from`, () => {
      for (const line of [summary, ...Object.values(options).map(({ help }) => help)]) {
        expect(line).toMatch(/^\S[^\n]*[^\s.]$/);
      }
      if (name !== "full") expect(paper).toMatch(PAPER);
      expect(recipe.learningRate).toBeGreaterThan(0);
    });

    it(`${name} is made of no options but targets, and of its recipe's, which are plain and its own`, () => {
      const place = { steps: STEPS, targets: new RegExp(TARGETS) };
      const made = method.make({}, place);
      expect(made.describe({ base, ...made.init(random.key(1), base) }).trainableParameters).toBeGreaterThan(0);
      const own = recipe.options!(STEPS);
      expect(JSON.parse(JSON.stringify(own))).toEqual(own);
      expect(Object.keys(options)).toEqual(expect.arrayContaining(Object.keys(own)));
      expect(() => method.make(own, { steps: STEPS })).not.toThrow();
      expect(() => method.make({ rankk: 8 }, place)).toThrow(`unknown option of method ${name} "rankk"`);
    });

    if (method.readAdapter) {
      it(`${name} reads the fields of adapter_config.json that it wrote as the options that they were`, () => {
        const made = method.make({}, { steps: STEPS, targets: new RegExp(TARGETS) });
        const adapter = made.export({ base, ...made.init(random.key(1), base) });
        const read = adapterMethod(adapter, base);
        expect(read.name).toBe(name);
        const complete = completeOptions(method, {}, { steps: STEPS });
        for (const [option, value] of Object.entries(read.options!)) {
          if (complete[option] !== undefined) expect([option, value]).toEqual([option, complete[option]]);
        }
      });
    }
  }

  it("gives each option of a method a column of records of its kind", () => {
    const kinds = METHODS.flatMap(({ options }) => Object.entries(options).map(([name, { kind }]) => [name, kind]));
    for (const [name, kind] of kinds) expect([name, METHOD_OPTIONS[name]]).toEqual([name, kind]);
    expect(Object.keys(METHOD_OPTIONS).sort()).toEqual([...new Set(kinds.map(([name]) => name))].sort());
  });

  it("is the README's list of methods", async () => {
    const readme = await Deno.readTextFile(new URL("README.md", ROOT));
    const [, table] = /\n\| `--method` .*\n\|[-:| ]+\n((?:\|.*\n)+)/.exec(readme)!;
    const rows = table.trim().split("\n").map((row) => row.split("|").slice(1, -1).map((cell) => cell.trim()));
    const link = (paper = "") => paper && `[${paper.split(/[/=]/).at(-1)}](${paper})`;
    expect(rows).toEqual(METHODS.map(({ name, summary, paper }) => [`\`${name}\``, summary, link(paper)]));
  });

  it("names each method in its own file and in methods.ts alone, but for what recipes and studies compare", () => {
    // What lies below has names of its own: the operation `full`.
    const files = ["lib/peft", "lib/train", "lib/experiment", "experiments"].flatMap((folder) => [...filesIn(folder)])
      .filter((path) => !/^experiments\/(recipes|studies)\//.test(path))
      .map((path) => ({ path, code: codeOf(path) }));
    const line = codeOf("lib/peft/methods.ts").split("\n").filter((line) => line.includes(" from "));
    expect(line.length).toBe(METHODS.length);
    for (const { name } of METHODS) {
      // Methods may name others whose adapters they begin from, whose program is theirs, or whose runs theirs takes in;
      // PEFT's files have words of their own for how factors began.
      const named = files.filter(({ code }) =>
        new RegExp(`["'\`]${name}["'\`]`).test(
          code.replace(/(beginsFrom|return \{ method:|guests: \[\{\s+method:|init_lora_weights ===).*/g, ""),
        )
      )
        .map(({ path }) => path);
      const own = files.find(({ code }) => code.includes("defineMethod({") && code.includes(`name: "${name}",`))!;
      expect(named).toEqual([own.path]);
      // Its description is called by nobody: the registry has it because its file is listed.
      const [, description] = new RegExp(`const (\\w+): MethodDescription = defineMethod\\(\\{\\s+name: "${name}"`)
        .exec(own.code)!;
      const callers = files.filter(({ code }) => new RegExp(`\\b${description}\\b`).test(code)).map(({ path }) => path);
      expect(callers.sort()).toEqual([own.path, "lib/peft/methods.ts"].sort());
    }
  });
});

describe("methodNamed()", () => {
  it("names the nearest where there is none", () => {
    expect(methodNamed("delta-lora").name).toBe("delta-lora");
    expect(() => methodNamed("deltalora")).toThrow('unknown method "deltalora": did you mean "delta-lora"?');
  });
});

describe("completeOptions()", () => {
  const method = methodNamed("adalora");

  it("takes defaults in order, by the options before and the steps of the run", () => {
    expect(completeOptions(method, { targetRank: 4, targets: "a" }, { steps: 200 })).toEqual({
      ...{ targetRank: 4, initialRank: 6, alpha: 16, targets: "a", orthogonality: 0.1 },
      ...{ warmup: 20, final: 60, interval: 5 },
    });
    const { write: plain } = completeOptions(methodNamed("delta-lora"), {}, { steps: 8 });
    const { write: half } = completeOptions(methodNamed("delta-lora"), {}, { steps: 8, weights: "f16" });
    expect([plain, half]).toEqual(["in-place", "telescoped"]);
  });

  it("refuses an option that is unknown, of another kind, or out of bounds", () => {
    const wrong: [Record<string, number | string | boolean>, string][] = [
      [{ targetRanks: 4 }, 'unknown option of method adalora "targetRanks": did you mean "targetRank"?'],
      [{ targetRank: "4" }, 'adalora: targetRank is a whole number from 1, not "4"'],
      [{ targetRank: 0 }, "adalora: targetRank is a whole number from 1, not 0"],
      [{ targetRank: 1.5 }, "adalora: targetRank is a whole number from 1, not 1.5"],
      [{ dropout: 1 }, "adalora: dropout is a number from 0 and below 1, not 1"],
      [{ alpha: NaN }, "adalora: alpha is a number above 0, not null"],
      [{ targets: true }, "adalora: targets is text, not true"],
    ];
    for (const [options, message] of wrong) {
      expect(() => completeOptions(method, options, { steps: 10 })).toThrow(message);
    }
    const delta = methodNamed("delta-lora");
    expect(() => completeOptions(delta, { write: "twice" }, { steps: 10 })).toThrow(
      'delta-lora: write is in-place or telescoped or auto, not "twice"',
    );
    expect(() => completeOptions(delta, { allowDropout: 1 }, { steps: 10 })).toThrow(
      "delta-lora: allowDropout is true or false, not 1",
    );
  });
});

describe("defineMethod()", () => {
  it("gives a method its options typed and complete, with the targets of the place", () => {
    const seen: unknown[] = [];
    const method = defineMethod({
      name: "mine",
      summary: "mine",
      options: {
        rank: { kind: "integer", help: "rank", default: 4, minimum: 1 },
        share: { kind: "number", help: "share" },
        targets: { kind: "text", help: "which layers", required: true },
      },
      recipe: { learningRate: 1 },
      make({ rank, share, targets }, { heads }) {
        const numbers: [number, number | undefined] = [rank, share];
        seen.push([...numbers, targets, heads]);
        return methodNamed("full").make({}, { steps: 1 });
      },
    });
    method.make({ targets: "a" }, { steps: 1 });
    method.make({ rank: 2, share: 0.5, targets: "a" }, { steps: 1, targets: ["b"], heads: /c/ });
    expect(seen).toEqual([[4, undefined, "a", undefined], [2, 0.5, ["b"], /c/]]);
    expect(method.recipe.options!(1)).toEqual({ rank: 4 });
    expect(() => method.make({}, { steps: 1 })).toThrow("mine: targets is missing: which layers");
  });
});
