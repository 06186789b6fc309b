import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { readTask as readSource } from "../../experiments/runner/data/read_task.ts";
import { type TaskFlags, taskOf } from "../../experiments/cli/task_flags.ts";
import type { ReadTaskOptions } from "../../experiments/runner/data/raw_task.ts";
import { fitOf, understoodLines } from "../../experiments/runner/data/understood.ts";
import { tokenizerFromJson, wordPiece } from "../../lib/data/mod.ts";
import { deviceFolder } from "../support/device_folder.ts";
import { runTask } from "./run_task.ts";
import { tinyTexts, WORDS, writeTinyClassifier } from "./tiny_classifier.ts";

/** Reads what flags name, as commands do. */
const readTask = async (flags: TaskFlags, options?: ReadTaskOptions) => await readSource(taskOf(flags), options);

const SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

describe("what a command understood", () => {
  const folder = deviceFolder();

  async function table(texts: readonly string[], label: (i: number) => string) {
    const data = `${folder}/texts.tsv`;
    await Deno.writeTextFile(data, `text\tlabel\n${texts.map((text, i) => `${text}\t${label(i)}\n`).join("")}`);
    return { columns: "text,label", data };
  }

  it("counts tokens that are cut and unknown, special ones aside", () => {
    const tokenizer = wordPiece([...SPECIAL, "dog", "runs"]);
    const examples = ["dog runs", "dog flies", "dog dog dog"].map((text) => ({ text, label: 0 }));
    expect(fitOf(examples, tokenizer, 4)).toEqual({ examples: 3, truncated: 1 / 3, unknown: 1 / 7 });
    const pairs = examples.map((example) => ({ ...example, text2: "cat" }));
    expect(fitOf(pairs, tokenizer, 64)).toEqual({ examples: 3, truncated: 0, unknown: 4 / 10 });
  });

  it("counts a text of which no token is left as unknown, too", () => {
    const tokenizer = tokenizerFromJson({ model: { type: "BPE", vocab: { a: 0, b: 1 }, merges: [] } });
    expect(tokenizer.encode("zzz").ids).toEqual([]);
    const examples = [{ text: "ab", label: 0 }, { text: "zzz", label: 0 }];
    expect(fitOf(examples, tokenizer, 8).unknown).toBe(1 / 3);
  });

  it("looks at a sample of many examples from all over the set", () => {
    const tokenizer = wordPiece([...SPECIAL, "dog"]);
    const examples = Array.from({ length: 5000 }, (_, i) => ({ text: i < 2500 ? "dog" : "cat", label: 0 }));
    expect(fitOf(examples, tokenizer, 8)).toEqual({ examples: 1000, truncated: 0, unknown: 0.5 });
  });

  it("says source, rows, classes with counts and order, range of scores, and what is made afresh", async () => {
    const tokenizer = wordPiece([...SPECIAL, ...WORDS]);
    const say = async (label: (i: number) => string) => {
      const task = await readTask(await table(tinyTexts(6), label));
      return understoodLines({ task, tokenizer, maxLength: 5, fresh: ["classifier.weight"] });
    };
    expect(await say((i) => i < 4 ? "no" : "yes")).toEqual([
      `data: ${folder}/texts.tsv`,
      "train: 6 rows: no (4), yes (2)",
      "classes: 0 = no, 1 = yes, by number or alphabet",
      "tokens: 66.7 % of all examples are longer than 5 and cut; 0.0 % are unknown",
      "made afresh: classifier.weight",
    ]);
    expect((await say((i) => String(i / 2)))[1]).toBe("train: 6 rows: scores from 0 to 2.5");
  });

  it("is printed by train and evaluate, with a warning where most tokens are unknown", async () => {
    const flags = await table(tinyTexts(8), (i) => i % 2 ? "good" : "bad");
    await writeTinyClassifier(`${folder}/wordless`, { pieces: [], config: { id2label: { 0: "good", 1: "bad" } } });
    const args = ["--model", `${folder}/wordless`, "--columns", flags.columns, "--data", flags.data];
    const trained = await runTask("train", [...args, "--method", "lora", "--steps", "1", "--out", `${folder}/run`]);
    const scored = await runTask("evaluate", [...args, "--adapter", `${folder}/run`]);
    for (const [{ code, stderr }, set] of [[trained, "train"], [scored, "dev"]] as const) {
      expect(code).toBe(0);
      expect(stderr).toContain(
        `data: ${flags.data}\n${set}: 8 rows: good (4), bad (4)\nclasses: 0 = good, 1 = bad, in`,
      );
      expect(stderr.match(/^warning: .* 100\.0 % of their tokens are unknown/gm)).toHaveLength(1);
    }
    expect(JSON.parse(await Deno.readTextFile(`${folder}/run/labels.json`)).labels).toEqual(["good", "bad"]);
    expect(JSON.parse(scored.stdout).examples).toEqual({ dev: 8 });
  });

  it("refuses a tokenizer with ids beyond the model's vocabulary by its largest id and vocab_size", async () => {
    await writeTinyClassifier(`${folder}/small`, { vocabSize: 12 });
    const flags = await table(tinyTexts(4), (i) => String(i % 2));
    const args = ["--model", `${folder}/small`, "--columns", flags.columns, "--data", flags.data];
    const { code, stderr } = await runTask("evaluate", args);
    expect(code).toBe(1);
    expect(stderr).toContain(
      `cannot use ${folder}/small: its tokenizer has ids up to ${SPECIAL.length + WORDS.length - 1}, and the model's ` +
        "vocabulary ends before 12 (vocab_size in config.json)",
    );
  });
});
