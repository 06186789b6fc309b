import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { type Adapted, beginFrom, plain, withAdapter } from "../../experiments/runner/model/adapted.ts";
import { headsToTrain, usedHead } from "../../experiments/runner/heads/head.ts";
import { saveLabels } from "../../experiments/runner/heads/label_file.ts";
import { type LoadedModel, loadModel } from "../../experiments/runner/model/load_model.ts";
import { makeMethod } from "../../experiments/runner/train/make_method.ts";
import { writeModelFolder } from "../../experiments/runner/model/model_folder.ts";
import { outputsOf, readTask as readSource, type TuningTask } from "../../experiments/runner/data/read_task.ts";
import { openClassifier } from "../../experiments/runner/open_classifier.ts";
import { type TaskFlags, taskOf } from "../../experiments/cli/task_flags.ts";
import type { ReadTaskOptions } from "../../experiments/runner/data/raw_task.ts";
import { score } from "../../experiments/runner/train/score.ts";
import { Inputs } from "../../experiments/runner/data/inputs.ts";
import { saveAdapter } from "../../lib/io/mod.ts";
import { peft, random } from "../../mod.ts";
import { deviceFolder } from "../support/device_folder.ts";
import { tinyTexts, writeTinyClassifier } from "./tiny_classifier.ts";

/** Reads what flags name, as commands do. */
const readTask = async (flags: TaskFlags, options?: ReadTaskOptions) => await readSource(taskOf(flags), options);

const MNLI = ["entailment", "neutral", "contradiction"];
const ORDERS = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
const TEXTS = tinyTexts(36);
const PAIRS = TEXTS.map((text, i) => [text, TEXTS[(i * 5 + 1) % TEXTS.length]] as const);

/** The place of the largest. */
const argmax = (row: readonly number[]) => row.indexOf(Math.max(...row));
const byNumber = (words: readonly string[]) => Object.fromEntries(words.map((word, i) => [i, word]));

describe("classes of data and of models", () => {
  const folder = deviceFolder();

  /** Writes pairs with labels as a file of columns, and as MNLI's own files, and gives the flags that name each. */
  async function writePairs(labels: readonly string[]): Promise<Record<"columns" | "task", TaskFlags>> {
    const own = PAIRS.map(([a, b], i) => `${a}\t${b}\t${labels[i]}\n`).join("");
    await Deno.writeTextFile(`${folder}/pairs.tsv`, `a\tb\tlabel\n${own}`);
    await Deno.mkdir(`${folder}/glue/MNLI`, { recursive: true });
    for (const [name, columns] of [["train", 12], ["dev_matched", 16]] as const) {
      const rows = PAIRS.map(([a, b], i) => {
        const fields = Array.from({ length: columns }, () => "-");
        [fields[8], fields[9], fields[columns - 1]] = [a, b, labels[i].toLowerCase()];
        return `${fields.join("\t")}\n`;
      });
      const header = Array.from({ length: columns }, (_, i) => `c${i}`).join("\t");
      await Deno.writeTextFile(`${folder}/glue/MNLI/${name}.tsv`, `${header}\n${rows.join("")}`);
    }
    return {
      columns: { columns: "a,b,label", data: `${folder}/pairs.tsv` },
      task: { task: "mnli", data: `${folder}/glue` },
    };
  }

  const scored = async (loaded: LoadedModel, adapted: Adapted, task: TuningTask) =>
    (await score(loaded, adapted, task, { batchSize: 12, maxLength: 24 })).dev;

  /** Answers as the numbers of classes, whatever they are called. */
  async function answersOf(loaded: LoadedModel, adapted: Adapted): Promise<number[]> {
    const { columns } = await writePairs(PAIRS.map((_, i) => MNLI[i % 3]));
    const answers = (await scored(loaded, adapted, await readTask(columns, { isScored: true }))).logits.map(argmax);
    // Else nothing would be told apart.
    expect(new Set(answers).size).toBe(3);
    return answers;
  }

  /** Scores as `deno task evaluate` does. */
  async function evaluate(flags: TaskFlags, model: string, adapter?: string) {
    const { task, loaded, adapted } = await openClassifier(model, {
      adapter,
      classes: flags.classes,
      task: taskOf(flags),
    });
    return { task, metrics: (await scored(loaded, adapted, task)).metrics };
  }

  it("a model's own answers are all right, whatever order and capitals its id2label has", async () => {
    const model = `${folder}/named`;
    await writeTinyClassifier(model, { outputs: 3, config: { id2label: byNumber(MNLI) } });
    const loaded = await loadModel(model);
    const answers = await answersOf(loaded, plain(loaded));
    for (const order of ORDERS) {
      for (const write of [(word: string) => word, (word: string) => word.toUpperCase()]) {
        const names = order.map((number) => write(MNLI[number]));
        await writeTinyClassifier(model, { outputs: 3, config: { id2label: byNumber(names) } });
        const { columns, task } = await writePairs(answers.map((answer) => names[answer]));
        for (const flags of [columns, task]) {
          const { metrics, task: { labels } } = await evaluate(flags, model);
          expect([metrics.accuracy, labels]).toEqual([1, names]);
        }
      }
    }
  });

  it("F1 is of the class that is the second of the data's own, whatever its number", async () => {
    const f1: number[] = [];
    for (const names of [["bad", "good"], ["good", "bad"]]) {
      const model = `${folder}/two`;
      await writeTinyClassifier(model, { config: { id2label: byNumber(names) } });
      const labels = PAIRS.map((_, i) => i % 4 === 0 ? "good" : "bad");
      await Deno.writeTextFile(
        `${folder}/two.tsv`,
        `a\tlabel\n${PAIRS.map(([a], i) => `${a}\t${labels[i]}\n`).join("")}`,
      );
      const flags = { columns: "a,label", data: `${folder}/two.tsv` };
      const { task } = await evaluate(flags, model);
      expect(task.labels[task.positive]).toBe("good");
      const loaded = await loadModel(model);
      const { metrics, logits } = await scored(loaded, plain(loaded), task);
      const isGood = logits.map((row) => names[argmax(row)] === "good");
      const hits = isGood.filter((good, i) => good && labels[i] === "good").length;
      const all = isGood.filter(Boolean).length + labels.filter((label) => label === "good").length;
      expect(metrics.f1).toBeCloseTo(2 * hits / all, 12);
      f1.push(metrics.f1!);
    }
    expect(new Set(f1).size).toBe(2);
  });

  describe("an adapter with labels.json in another order than GLUE's and the alphabet's", () => {
    const names = ["neutral", "entailment", "contradiction"];
    let model: string;
    beforeAll(async () => {
      model = `${folder}/bare`;
      await writeTinyClassifier(model, { outputs: 0 });
    });

    const options = {
      ...{ rank: 2, alpha: 4, lambda: 0.5, startStep: 2, write: "in-place", ratio: 4, mode: "all", width: 2 },
      ...{ initialRank: 3, targetRank: 2, warmup: 0, final: 3, interval: 1, orthogonality: 0.1 },
      targets: "query,value",
    };
    for (const { name, options: schema } of peft.METHODS) {
      // Bottlenecks stand at places of their own.
      const own = Object.entries(options).filter(([option]) =>
        Object.hasOwn(schema, option) && !(option === "targets" && Object.hasOwn(schema, "width"))
      );
      const method = makeMethod({ steps: 8, method: { name, ...Object.fromEntries(own) } });
      // What no adapter holds has no labels beside one.
      if (method.isWhole) continue;
      it(`of ${name} is scored by it, and a run that begins from it has its order`, async () => {
        const loaded = await loadModel(model, { labels: 3, seed: 2 });
        const { trainable, aux } = method.init(random.key(3), loaded.base);
        const state = { base: loaded.base, trainable, aux };
        const answers = await answersOf(loaded, { method, state });
        const adapter = `${folder}/${name}`;
        await saveAdapter(adapter, method.export(state));
        await saveLabels(adapter, { kind: "classes", labels: names });
        const flags = await writePairs(answers.map((answer) => names[answer]));
        for (const one of [flags.columns, flags.task]) {
          expect((await evaluate(one, model, adapter)).metrics.accuracy).toBe(1);
          const heads = await headsToTrain(model, { adapter });
          const task = await readTask(one, { isScored: true, heads, mayBeFresh: "unnamed" as const });
          const own = await loadModel(model, { labels: outputsOf(task), seed: 9 });
          const begun = await beginFrom(adapter, own.base);
          const { aux } = begun.method.init(random.key(0), own.base);
          const beginning = { method: begun.method, state: { base: own.base, trainable: begun.trainable, aux } };
          expect((await scored(own, beginning, task)).metrics.accuracy).toBe(1);
        }
      });
    }

    it("is what the merged model's id2label says, and the whole model is scored by that", async () => {
      const adapter = `${folder}/lora`;
      const head = await usedHead(model, { adapter });
      const loaded = await loadModel(model, { labels: 3 });
      const { method, state } = await withAdapter(loaded, adapter);
      const answers = await answersOf(loaded, { method, state });
      await writeModelFolder(`${folder}/merged`, method.merge(state), { loaded, labels: head });
      const config = JSON.parse(await Deno.readTextFile(`${folder}/merged/config.json`));
      expect(config).toMatchObject({
        id2label: byNumber(names),
        label2id: Object.fromEntries(names.map((name, i) => [name, i])),
      });
      const { task } = await writePairs(answers.map((answer) => names[answer]));
      expect((await evaluate(task, `${folder}/merged`)).metrics.accuracy).toBe(1);
    });
  });

  it("reproduce gives data the numbers of a head's classes, and draws a new head where its classes are others", async () => {
    const model = `${folder}/reproduced`;
    await writePairs(PAIRS.map((_, i) => MNLI[i % 3]));
    const read = async (names: readonly string[], seed = 0) => {
      await writeTinyClassifier(model, { outputs: 3, config: { id2label: byNumber(names) } });
      const inputs = new Inputs({ model, data: `${folder}/glue` });
      const task = await inputs.task({ task: "mnli" });
      const classifier = (await inputs.model()).classifier({ labels: 3, isFresh: !task.usesHead });
      return { task, head: [...await classifier.params(seed)["classifier.weight"].data()] };
    };
    const own = await read(["LABEL_0", "LABEL_1", "LABEL_2"]);
    const labels = ({ task }: typeof own) => task.train.map(({ label }) => label);
    for (const order of ORDERS) {
      const found = await read(order.map((number) => MNLI[number]));
      expect(found.head).toEqual(own.head);
      // Class k of the task is the output that has its name.
      expect(labels(found)).toEqual(labels(own).map((k) => order.indexOf(k)));
    }
    const others = await read(["joy", "anger", "fear"]);
    expect(others.head).not.toEqual(own.head);
    expect((await read(["joy", "anger", "fear"], 1)).head).not.toEqual(others.head);
    expect(labels(others)).toEqual(labels(own));
  });
});
