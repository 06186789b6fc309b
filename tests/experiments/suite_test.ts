import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { generateSuite, SUITE_SEED, suiteVocabulary } from "../../experiments/suite/mod.ts";
import { textSuite } from "../../experiments/suite/texts/mod.ts";
import { GENERATION_TASKS, readGenerationTask, readGlueFiles, readGlueTask, wordPiece } from "../../lib/data/mod.ts";
import { filesUnder, withFolder } from "../experiment/samples.ts";
import { runTask, STACK } from "./run_task.ts";

const TASKS = ["cola", "sst2", "mrpc", "stsb", "rte", "mnli", "qnli", "qqp", "wnli"] as const;

describe("generateSuite()", () => {
  const small = { train: 60, dev: 40 };

  it("gives the same text for the same seed, and another for another", () => {
    expect([...generateSuite(7, small)]).toEqual([...generateSuite(7, small)]);
    const [one, other] = [generateSuite(7, small), generateSuite(8, small)];
    for (const [name, text] of one) expect(other.get(name)).not.toBe(text);
  });

  it("writes rows that GLUE's reader takes, as many as were asked for", async () => {
    const files = generateSuite(7, small);
    for (const task of TASKS) {
      const { train, dev, mismatched } = await readGlueFiles(files, task);
      expect([train.length, dev.length, mismatched?.length]).toEqual([60, 40, task === "mnli" ? 40 : undefined]);
    }
  });

  it("puts no text of a dev split into its train split", async () => {
    const files = generateSuite(SUITE_SEED);
    for (const task of TASKS) {
      const { train, dev } = await readGlueFiles(files, task);
      const seen = new Set(train.map(({ text, text2 }) => `${text}\n${text2}`));
      expect(dev.filter(({ text, text2 }) => seen.has(`${text}\n${text2}`))).toEqual([]);
    }
  });

  it("has every class in both splits, and no word that the vocabulary lacks", async () => {
    const tokenizer = wordPiece(suiteVocabulary());
    const files = generateSuite(SUITE_SEED);
    for (const name of TASKS) {
      const { task, train, dev } = await readGlueFiles(files, name);
      for (const rows of [train, dev]) {
        if (task.kind === "classes") expect(new Set(rows.map(({ label }) => label)).size).toBe(task.labels.length);
        for (const { text, text2 } of rows) {
          expect(tokenizer.encode(text, text2).ids).not.toContain(tokenizer.unknownId);
        }
      }
    }
  });
});

for (const command of ["suite", "generate"]) {
  describe(`deno task ${command}`, () => {
    it("writes the same bytes twice: each task in its own folder, and the vocabularies", async () => {
      await withFolder(async (folder) => {
        for (const out of ["a", "b"]) {
          const { code, stderr } = await runTask(command, ["--out", `${folder}/${out}`, "--seed", "3"]);
          expect([code, stderr]).toEqual([0, ""]);
        }
        const names = filesUnder(`${folder}/a`);
        // MNLI has a second dev file, texts have a test file, and there are two vocabularies.
        expect(names).toHaveLength(2 * TASKS.length + 1 + 3 * GENERATION_TASKS.length + 2);
        expect(filesUnder(`${folder}/b`)).toEqual(names);
        for (const name of names) {
          expect(await Deno.readTextFile(`${folder}/b/${name}`)).toBe(await Deno.readTextFile(`${folder}/a/${name}`));
        }
        for (const task of TASKS) expect((await readGlueTask(`${folder}/a`, task)).train.length).toBeGreaterThan(0);
        for (const task of GENERATION_TASKS) {
          expect((await readGenerationTask(`${folder}/a`, task)).hash).toBe((await textSuite(task, { seed: 3 })).hash);
        }
        expect(await Deno.readTextFile(`${folder}/a/tokenizer.json`))
          .toBe(await Deno.readTextFile(new URL("../../experiments/suite/texts/tokenizer.json", import.meta.url)));
        expect((await Deno.readTextFile(`${folder}/a/vocab.txt`)).trimEnd().split("\n")).toEqual([
          ...suiteVocabulary(),
        ]);
      });
    });

    it("refuses what is wrong with one line and exit code 1", async () => {
      await withFolder(async (folder) => {
        for (const args of [[], ["--out", folder, "--seed", "x"], ["--out", folder, "--seed=-1"], ["--oot", folder]]) {
          const { code, stdout, stderr } = await runTask(command, args);
          expect([code, stdout]).toEqual([1, ""]);
          expect(stderr).toMatch(new RegExp(`^${command}: .+\n$`));
          expect(stderr).not.toMatch(STACK);
        }
        expect(filesUnder(folder)).toEqual([]);
      });
    });
  });
}
