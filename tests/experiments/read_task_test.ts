import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import type { Head } from "../../experiments/runner/heads/head.ts";
import { outputsOf, readTask as readSource } from "../../experiments/runner/data/read_task.ts";
import { type TaskFlags, taskOf } from "../../experiments/cli/task_flags.ts";
import type { ReadTaskOptions } from "../../experiments/runner/data/raw_task.ts";
import { testFolder } from "../support/folder.ts";

/** Reads what flags name, as commands do. */
const readTask = async (flags: TaskFlags, options?: ReadTaskOptions) => await readSource(taskOf(flags), options);

const placeholders = (count: number) => Array.from({ length: count }, (_, i) => `LABEL_${i}`);

/** A head whose classes are called so, or, of one output, a regression's. */
function head(labels: readonly string[], changes: Partial<Head> = {}): Head {
  const isNamed = !labels[0]?.startsWith("LABEL_");
  const own = { owner: "the model in M", source: "id2label in M/config.json", outputs: labels.length, isNamed };
  return { ...own, kind: "classes", labels, ...changes };
}
const scores = head([], { kind: "regression", outputs: 1, isNamed: false });

describe("readTask()", () => {
  const folder = testFolder();

  /** Writes a file of texts with such labels, and gives the flags that name it. */
  async function table(name: string, labels: readonly string[]) {
    const data = `${folder}/${name}.tsv`;
    await Deno.writeTextFile(data, `text\tlabel\n${labels.map((label, i) => `text ${i}\t${label}\n`).join("")}`);
    return { columns: "text,label", data };
  }
  const numbersOf = (examples: readonly { readonly label: number }[]) => examples.map(({ label }) => label);

  it("gives classes the numbers of the head, in both of a run's files, and another hash than in another order", async () => {
    const train = await table("train", ["bad", "good", "bad"]);
    const { data: evalData } = await table("dev", ["good", "so-so"]);
    const flags = { ...train, "eval-data": evalData };
    const read = async (labels: readonly string[]) =>
      await readTask(flags, { heads: [head(labels)], mayBeFresh: "unnamed" as const });
    const first = await read(["GOOD", "BAD", "SO-SO"]);
    expect(first.labels).toEqual(["GOOD", "BAD", "SO-SO"]);
    expect([numbersOf(first.train), numbersOf(first.sets.dev)]).toEqual([[1, 0, 1], [0, 2]]);
    const second = await read(["bad", "so-so", "good"]);
    expect([numbersOf(second.train), numbersOf(second.sets.dev)]).toEqual([[0, 2, 0], [2, 1]]);
    expect(second.hash).not.toBe(first.hash);
    await expect(readTask(flags, { mayBeFresh: "unnamed" as const })).rejects.toThrow(
      `dev.tsv:3 as label "so-so" is none of bad, good`,
    );
  });

  it("scores a file with fewer classes than the head, even with one, and learns nothing from one", async () => {
    const one = await table("one", ["1", "1"]);
    for (const labels of [["0", "1"], placeholders(2)]) {
      const task = await readTask(one, { isScored: true, heads: [head(labels, { isNamed: false })] });
      expect([outputsOf(task), numbersOf(task.sets.dev)]).toEqual([2, [1, 1]]);
    }
    const part = await readTask(await table("part", ["x", "z"]), { isScored: true, heads: [head(["z", "y", "x"])] });
    expect([part.labels, numbersOf(part.sets.dev)]).toEqual([["z", "y", "x"], [2, 0]]);
    await expect(readTask(one, { heads: [head(placeholders(2))], mayBeFresh: "unnamed" as const })).rejects.toThrow(
      `there is nothing to learn from ${one.data} as all of its labels are "1"`,
    );
  });

  it("takes whole numbers for scores where the head has one output, as its training did", async () => {
    const ratings = await table("ratings", ["0", "3", "5"]);
    for (const options of [{ isScored: true }, { mayBeFresh: "unnamed" as const }]) {
      const task = await readTask(ratings, { ...options, heads: [scores] });
      expect([task.kind, outputsOf(task)]).toEqual(["regression", 1]);
      expect(numbersOf([...task.train, ...task.sets.dev ?? []])).toEqual([0, 3, 5]);
    }
    expect(
      (await readTask({ ...ratings, kind: "classes" }, { heads: [scores], mayBeFresh: "unnamed" as const })).labels,
    ).toEqual([
      "0",
      "3",
      "5",
    ]);
  });

  it("refuses labels that are not the head's by both lists and what to do", async () => {
    const yesNo = await table("yes_no", ["yes", "no"]);
    const named = head(["entailment", "neutral", "contradiction"]);
    const both = "the model in M has a head of 3 classes, entailment, neutral, contradiction by id2label in " +
      `M/config.json, and there are 2 labels in ${yesNo.data}: no, yes; \`data.classes\` A,B,… says`;
    await expect(readTask(yesNo, { isScored: true, heads: [named] })).rejects.toThrow(both);
    await expect(readTask(yesNo, { heads: [named], mayBeFresh: "unnamed" as const })).rejects.toThrow(
      "in its order; `model.freshHead` begins with a new head for these labels",
    );
    await expect(readTask({ task: "rte", data: "suite" }, { isScored: true, heads: [named] })).rejects.toThrow(
      "there are 2 labels in generated texts of the suite (rte): entailment, not_entailment",
    );
    await expect(readTask({ task: "cola", data: "suite" }, { isScored: true, heads: [scores] })).rejects.toThrow(
      "has a head of one score, and there are 2 labels in generated texts of the suite (cola): 0/unacceptable, 1/acceptable",
    );
    await expect(readTask({ task: "stsb", data: "suite" }, { isScored: true, heads: [named] })).rejects.toThrow(
      "and there are scores in generated texts",
    );
    await expect(readTask({ ...yesNo, kind: "classes" }, { isScored: true, heads: [scores] })).rejects.toThrow(
      "`data.labels` scores reads them as what the head gives",
    );
    await expect(readTask(yesNo, { isScored: true, heads: [scores] })).rejects.toThrow(
      `label "yes" is no number, and the model in M has a head of one score: \`data.labels\` classes reads classes`,
    );
    await expect(readTask(yesNo, { isScored: true, heads: [head(["yes"], { outputs: 1 })] })).rejects.toThrow(
      "rows with labels that the head has not are to be left out",
    );
  });

  it("names the row of a label that is not the head's where others are, in either file of a run", async () => {
    const named = { heads: [head(["good", "bad"])], mayBeFresh: "unnamed" as const };
    const odd = await table("odd", ["good", "bad", "goood"]);
    await expect(readTask(odd, named)).rejects.toThrow(`bad, good, goood (${odd.data}:4 has "goood"); rows with`);
    const plain = await table("plain", ["good", "bad"]);
    await expect(readTask({ ...plain, "eval-data": odd.data }, named)).rejects.toThrow(`(${odd.data}:4 has "goood")`);
  });

  it("refuses a bad score by its row though the head has names for classes, and scores by what they are", async () => {
    const named = { isScored: true, heads: [head(["good", "bad"])] };
    const ratings = ["0.5", "1.25", "2"];
    for (const [i, bad] of ["nan", "N/A", "1,5", "five"].entries()) {
      const flags = await table(`bad_${i}`, [...ratings, bad]);
      await expect(readTask(flags, named)).rejects.toThrow(`Cannot read ${flags.data}:5 as label "${bad}"`);
    }
    const whole = await table("whole", ratings);
    await expect(readTask(whole, named)).rejects.toThrow(
      `2 classes, good, bad by id2label in M/config.json, and there are scores in ${whole.data}`,
    );
  });

  it("refuses to score three labels by a head of four without names, and to learn them makes a new head", async () => {
    const three = await table("three", ["0", "1", "2"]);
    const heads = [head(placeholders(4))];
    await expect(readTask(three, { isScored: true, heads })).rejects.toThrow(
      `has a head of 4 classes, LABEL_0, LABEL_1, LABEL_2, LABEL_3 by id2label in M/config.json, and there are 3 labels`,
    );
    const task = await readTask(three, { heads, mayBeFresh: "unnamed" as const });
    expect([outputsOf(task), task.unfit.length]).toEqual([3, 1]);
  });

  it("leaves an adapter's head without names aside for the model's that fits", async () => {
    const flags = await table("two", ["bad", "good"]);
    const heads = [head(placeholders(3), { owner: "the adapter in A" }), head(["good", "bad"])];
    const task = await readTask(flags, { heads, mayBeFresh: "unnamed" as const });
    expect([task.labels, numbersOf(task.train)]).toEqual([["good", "bad"], [1, 0]]);
    expect(task.unfit).toEqual([expect.stringContaining("the adapter in A has a head of 3 classes")]);
  });

  it("says which order is taken where but numbers stand", async () => {
    const numbers = await table("numbers", ["0", "1"]);
    const words = await table("words", ["bad", "good"]);
    const order = async (flags: typeof words, labels: readonly string[]) =>
      (await readTask(flags, { isScored: true, heads: [head(labels)] })).order;
    expect(await order(words, placeholders(2))).toBe(
      "by number or alphabet, the data's own, as the model in M has but numbers for its classes",
    );
    expect(await order(numbers, ["NEGATIVE", "POSITIVE"])).toBe(
      "each by its number, which the data have in place of its name",
    );
    expect(await order(words, ["good", "bad"])).toBe("in the order of id2label in M/config.json");
  });

  it("asks for --data with --task, and takes what flags of the other contradict", async () => {
    await expect(readTask({ task: "rte" })).rejects.toThrow(
      "--task rte needs its data: --data DIR, a folder with GLUE's files, or --data suite for generated texts",
    );
    await expect(readTask({ task: "rte", data: "suite", kind: "scores" })).rejects.toThrow(
      "--kind belongs to --columns",
    );
    expect((await readTask({ task: "rte", data: "suite" })).source).toBe("generated texts of the suite (rte)");
  });
});
