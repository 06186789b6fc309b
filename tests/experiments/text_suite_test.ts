import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { QUARTERS, SAYINGS } from "../../experiments/suite/texts/meanings.ts";
import { textFiles, textSuite } from "../../experiments/suite/texts/mod.ts";
import { drawTexts } from "../../experiments/suite/texts/text_suite.ts";
import { predicatesOf, unlined } from "../../experiments/suite/texts/triples.ts";
import { GENERATION_TASKS, type GenerationData, readGenerationTask } from "../../lib/data/mod.ts";
import { withFolder } from "../experiment/samples.ts";

const SMALL = { sizes: { train: 40, dev: 20, test: 20 } };

/** Attributes and values of a source of E2E's. */
const attributesIn = (source: string): Map<string, string> =>
  new Map(
    source.split(" | ").map((part): [string, string] => {
      const [attribute, value] = part.split(" : ");
      return [attribute, value];
    }),
  );

/** What is the same in any order: parts of a source, sorted. */
const anyOrder = (source: string) => source.split(" | ").toSorted().join(" | ");

const sourcesOf = ({ splits }: GenerationData, split: "train" | "dev" | "test") =>
  splits[split]!.groups.map(({ source }) => anyOrder(source));

/** Parts of a table that a text says, by how each is said. */
const saidIn = (text: string, table: Readonly<Record<string, readonly string[]>>) =>
  Object.keys(table).filter((value) => table[value].some((words) => text.toLowerCase().includes(words)));

describe("textSuite()", () => {
  it("gives the same rows for the same seed, others for another, and as many as are asked for", async () => {
    for (const task of GENERATION_TASKS) {
      const [one, again] = [await textSuite(task, SMALL), await textSuite(task, SMALL)];
      expect(again).toEqual(one);
      expect((await textSuite(task, { ...SMALL, seed: 7 })).hash).not.toBe(one.hash);
      expect([one.splits.train, one.splits.dev, one.splits.test].map((split) => split?.groups.length))
        .toEqual([40, 20, 20]);
    }
  });

  it("gives what the readers of the tasks' own files read of its files", async () => {
    await withFolder(async (folder) => {
      for (const [name, text] of textFiles()) {
        await Deno.mkdir(`${folder}/${name.split("/")[0]}`, { recursive: true });
        await Deno.writeTextFile(`${folder}/${name}`, text);
      }
      for (const task of GENERATION_TASKS) {
        const [read, made] = [await readGenerationTask(folder, task), await textSuite(task)];
        expect(read.splits).toEqual(made.splits);
        expect(read.hash).toBe(made.hash);
        expect(read.files).toHaveLength(3);
      }
    });
  });

  it("has no input of dev or test among those to learn from, in whatever order its parts stand", async () => {
    for (const task of GENERATION_TASKS) {
      const data = await textSuite(task);
      const [train, dev, test] = (["train", "dev", "test"] as const).map((split) => sourcesOf(data, split));
      const all = [...train, ...dev, ...test];
      expect(new Set(all).size).toBe(all.length);
    }
  });

  it("says the same in all references of a meaning: what has words, and nothing else", async () => {
    const { splits } = await textSuite("e2e");
    for (const { source, references } of [splits.dev, splits.test].flatMap((split) => split!.groups)) {
      const given = attributesIn(source);
      expect(references.length).toBeGreaterThan(1);
      expect(new Set(references).size).toBe(references.length);
      for (const text of references) {
        for (const name of ["name", "beside", "dish", "house"]) expect(text).toContain(given.get(name) ?? "");
        expect(text.includes(" next to ")).toBe(given.has("beside"));
        expect(Object.keys(QUARTERS).filter((quarter) => text.includes(QUARTERS[quarter])))
          .toEqual([given.get("quarter")].filter((quarter) => quarter !== undefined));
        for (const [attribute, table] of Object.entries(SAYINGS)) {
          const value = given.get(attribute);
          const isSaid = value !== undefined && !["unknown", "none"].includes(value);
          expect([text, saidIn(text, table)]).toEqual([text, isSaid ? [value] : []]);
        }
      }
    }
  });

  it("says all facts of triples, in each reference that is good, and leaves one out where it is not", () => {
    const { train, test } = drawTexts("webnlg");
    const isSaid = (text: string, triple: Parameters<typeof predicatesOf>[0]) =>
      predicatesOf(triple).some((words) => text.includes(words));
    for (const { facts: { triples }, references } of [...train, ...test]) {
      for (const { text, isGood } of references) {
        expect(text.startsWith(unlined(triples[0].subject))).toBe(true);
        const unsaid = triples.filter((triple) => !isSaid(text, triple));
        expect([text, unsaid.length]).toEqual([text, isGood ? 0 : 1]);
      }
    }
    expect(train.flatMap(({ references }) => references).filter(({ isGood }) => !isGood).length).toBeGreaterThan(10);
  });

  it("tests categories that nothing could be learned of, and others, alike", async () => {
    const { splits } = await textSuite("webnlg");
    for (const name of ["train", "dev"] as const) {
      expect(new Set(splits[name]?.groups.map(({ part }) => part))).toEqual(new Set(["seen"]));
    }
    const unseen = splits.test!.groups.filter(({ part }) => part === "unseen");
    expect(unseen.length).toBeGreaterThan(40);
    expect(unseen.length).toBeLessThan(80);
    const learned = splits.train!.groups.map(({ source }) => source).join("\n");
    expect(unseen.filter(({ source }) => /_(Ferry|Festival) /.test(source)).length).toBe(unseen.length);
    expect(learned).not.toMatch(/_(Ferry|Festival) /);
  });

  it("sums passages up in one sentence, whose numbers and names the passage has", async () => {
    const { splits } = await textSuite("xsum");
    for (const { source, target } of splits.test!.pairs) {
      expect(target).toMatch(/^[A-Z0-9][^.]*\.$/);
      expect(source.split("\n")).toHaveLength(4);
      for (const number of target.match(/\d+/g) ?? []) expect(source).toMatch(new RegExp(`\\b${number}\\b`));
      const [town] = target.match(/(?<=(in|of|off) )[A-Z][a-z]+/) ?? target.split(" ");
      expect(source).toContain(town);
    }
  });
});
