import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { loadAdapter } from "../../lib/io/mod.ts";
import { deviceFolder } from "../support/device_folder.ts";
import { runTask } from "./run_task.ts";
import { tinyTexts, writeTinyClassifier } from "./tiny_classifier.ts";

describe("deno task train for other classes than the model's", () => {
  const folder = deviceFolder();
  let args: string[];
  const labelsOf = (name: string) => JSON.parse(Deno.readTextFileSync(`${folder}/${name}/labels.json`)).labels;

  beforeAll(async () => {
    const id2label = { 0: "contradiction", 1: "neutral", 2: "entailment" };
    await writeTinyClassifier(`${folder}/model`, { config: { id2label, problem_type: "single_label_classification" } });
    const rows = tinyTexts(16).map((text, i) => `${text}\t${i % 3 ? "no" : "yes"}\n`);
    await Deno.writeTextFile(`${folder}/train.tsv`, `text\tlabel\n${rows.join("")}`);
    const data = ["--columns", "text,label", "--data", `${folder}/train.tsv`];
    args = ["--model", `${folder}/model`, ...data, "--steps", "2", "--learning-rate", "0.01"];
  });

  it("is refused by both lists, and with --fresh-head learns them with a new head, which convert makes again", async () => {
    const out = ["--out", `${folder}/run`];
    const refused = await runTask("train", [...args, ...out]);
    expect([refused.code, refused.stdout]).toEqual([1, ""]);
    expect(refused.stderr).toMatch(
      /^train: .*contradiction, neutral, entailment .* 2 labels in .*: no, yes; .*--fresh-head/,
    );

    const trained = await runTask("train", [...args, "--fresh-head", "--start-step=-1", ...out, "--json"]);
    expect(trained.code).toBe(0);
    expect(trained.stderr).toContain("\nmade afresh: classifier.weight, classifier.bias\n");
    expect([JSON.parse(trained.stdout).spec.model.freshHead, labelsOf("run")]).toEqual([true, ["no", "yes"]]);
    const converted = await runTask("convert", ["--state", `${folder}/run`, "--out", `${folder}/doubled`, "--json"]);
    const { difference } = JSON.parse(converted.stdout);
    expect(difference.largest).toBeLessThan(1e-5 * difference.scale + 1e-6);
    expect(labelsOf("doubled")).toEqual(["no", "yes"]);
  });

  it("begins from an adapter without its head, whose classes are as many, but others", async () => {
    const first = await runTask("train", [
      ...[...args, "--fresh-head", "--method", "lora", "--rank", "2", "--out", `${folder}/first`],
    ]);
    expect(first.code).toBe(0);
    const begin = [...args, "--adapter-init", `${folder}/first`, "--out", `${folder}/second`];
    const rows = tinyTexts(16).map((text, i) => `${text}\t${i % 2 ? "left" : "right"}\n`);
    await Deno.writeTextFile(`${folder}/sides.tsv`, `text\tlabel\n${rows.join("")}`);
    const other = begin.map((word) => word === `${folder}/train.tsv` ? `${folder}/sides.tsv` : word);
    expect((await runTask("train", other)).stderr).toContain(
      `the adapter in ${folder}/first has a head of 2 classes, no, yes by ${folder}/first/labels.json, and there are 2 ` +
        `labels in ${folder}/sides.tsv: left, right`,
    );
    const second = await runTask("train", [...other, "--fresh-head", "--learning-rate", "1e-9"]);
    expect(second.code).toBe(0);
    expect(second.stderr).toContain(
      "left out of the adapter, as it is for other classes: classifier.bias, classifier.weight",
    );
    expect(labelsOf("second")).toEqual(["left", "right"]);
    const [before, after] = await Promise.all(["first", "second"].map((name) => loadAdapter(`${folder}/${name}`)));
    const rowOf = async ({ tensors }: typeof before, name: string) =>
      [...await tensors[`base_model.model.${name}`].data()].map((x) => x.toFixed(4));
    const query = "bert.encoder.layer.0.attention.self.query.lora_A.weight";
    expect(await rowOf(after, query)).toEqual(await rowOf(before, query));
    expect(await rowOf(after, "classifier.weight")).not.toEqual(await rowOf(before, "classifier.weight"));
  });

  it("trains what ships with the project, by the README's line, where there is neither model nor data", async () => {
    const shipped = ["--model", "suite", "--task", "rte", "--data", "suite", "--method", "lora"];
    const { code, stdout, stderr } = await runTask("train", [...shipped, "--steps", "1", "--out", `${folder}/suite`]);
    expect([code, stdout]).toEqual([0, expect.stringContaining("dev: accuracy")]);
    expect(stderr).toContain("data: generated texts of the suite (rte)\n");
    const { config } = await loadAdapter(`${folder}/suite`);
    expect(config.base_model_name_or_path).toBe("suite");
    const scored = await runTask("evaluate", [...shipped.slice(0, 6), "--adapter", `${folder}/suite`]);
    expect(stdout).toContain(`accuracy ${JSON.parse(scored.stdout).metrics.dev.accuracy.toFixed(4)}`);
  });
});
