import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { encoderLines, understoodTasks } from "../../experiments/studies/understood_tasks.ts";
import { Inputs } from "../../experiments/runner/data/inputs.ts";
import { deviceFolder } from "../support/device_folder.ts";
import { tinyTexts, writeTinyClassifier } from "./tiny_classifier.ts";

describe("understoodTasks()", () => {
  const folder = deviceFolder();
  beforeAll(async () => {
    await Deno.mkdir(`${folder}/glue/SST-2`, { recursive: true });
    const rows = tinyTexts(6).map((text, i) => `${text}\t${i < 4 ? 1 : 0}\n`);
    const file = (lines: readonly string[]) => `sentence\tlabel\n${lines.join("")}`;
    await Deno.writeTextFile(`${folder}/glue/SST-2/train.tsv`, file(rows));
    await Deno.writeTextFile(`${folder}/glue/SST-2/dev.tsv`, file(rows.slice(3, 5)));
  });

  const runs = [{ task: "sst2", model: { length: 5 } }];
  async function linesOf(name: string, id2label: Readonly<Record<number, string>>) {
    const model = `${folder}/${name}`;
    await writeTinyClassifier(model, { config: { id2label } });
    return await understoodTasks(new Inputs({ model, data: `${folder}/glue/` }), runs);
  }

  it("says of each task once its files, rows, classes, and tokens that are cut or unknown", async () => {
    const lines = await linesOf("same", { 0: "negative", 1: "positive" });
    expect(lines).toEqual([
      "model: same",
      `data: SST-2 in ${folder}/glue/: SST-2/train.tsv, SST-2/dev.tsv`,
      "train: 6 rows: negative (2), positive (4)",
      "dev: 2 rows: negative (1), positive (1)",
      `classes: 0 = negative, 1 = positive, in the order of id2label in ${folder}/same/config.json`,
      "tokens: 62.5 % of all examples are longer than 5 and cut; 0.0 % are unknown",
    ]);
    const inputs = new Inputs({ model: `${folder}/same`, data: `${folder}/glue` });
    expect(await understoodTasks(inputs, [...runs, ...runs])).toHaveLength(lines.length);
  });

  it("says which of the head's orders is taken, and when a head for other classes is made afresh", async () => {
    const turned = await linesOf("turned", { 0: "positive", 1: "negative" });
    expect(turned[4]).toBe(
      `classes: 0 = positive, 1 = negative, in the order of id2label in ${folder}/turned/config.json`,
    );
    const plain = await linesOf("plain", { 0: "LABEL_0", 1: "LABEL_1" });
    expect(plain[4]).toContain(`as the model in ${folder}/plain has but numbers for its classes`);
    expect([...turned, ...plain].filter((line) => line.startsWith("made afresh"))).toEqual([]);
    const other = await linesOf("other", { 0: "no", 1: "yes" });
    expect(other.at(-2)).toMatch(/^not used: the model in .*\/other has a head of 2 classes, no, yes by /);
    expect(other.at(-1)).toBe("made afresh: classifier.weight, classifier.bias");
  });

  it("says of what ships that it is that, and of the suite's encoder on other data what it lacks", async () => {
    expect(await understoodTasks(new Inputs(), runs)).toEqual([
      "data: generated texts of the suite, for its own encoder",
    ]);
    expect(encoderLines({ name: "suite-encoder", layers: 2, hiddenSize: 64 })).toEqual([]);
    expect(encoderLines({ name: "suite-base-encoder", layers: 4, hiddenSize: 128 })).toEqual([
      "model: suite-base-encoder, 4 layers of 128",
    ]);
    expect((await understoodTasks(new Inputs({ data: `${folder}/glue` }), runs)).at(-1)).toMatch(
      /^made afresh: .*classifier\.weight, classifier\.bias$/,
    );
  });
});
