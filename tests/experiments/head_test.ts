import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { adapterHead, modelHead, namesOf, usedHead, withClasses } from "../../experiments/runner/heads/head.ts";
import { saveLabels } from "../../experiments/runner/heads/label_file.ts";
import { saveAdapter } from "../../lib/io/mod.ts";
import { tensor } from "../../lib/tensor/mod.ts";
import { deviceFolder } from "../support/device_folder.ts";
import { writeTinyClassifier } from "./tiny_classifier.ts";

describe("namesOf()", () => {
  it("orders id2label by its numbers, whatever order they stand in", () => {
    expect(namesOf({ id2label: { 2: "c", 0: "a", 1: "b" } }, "F")).toEqual({
      labels: ["a", "b", "c"],
      source: "id2label in F",
    });
  });

  it("takes label2id where there is no id2label, numbers or texts", () => {
    expect(namesOf({ label2id: { yes: "1", no: 0 } }, "F")).toEqual({ labels: ["no", "yes"], source: "label2id in F" });
    expect(namesOf({}, "F")).toBeUndefined();
  });

  it("leaves the placeholders of one aside where the other has words, and refuses two orders", () => {
    const id2label = { 0: "no", 1: "yes" };
    expect(namesOf({ id2label, label2id: { LABEL_0: 0, LABEL_1: 1 } }, "F")?.labels).toEqual(["no", "yes"]);
    expect(namesOf({ id2label, label2id: { NO: 0, YES: 1 } }, "F")?.labels).toEqual(["no", "yes"]);
    expect(() => namesOf({ id2label, label2id: { yes: 0, no: 1 } }, "F")).toThrow(
      'F contradicts itself: label2id gives "yes" number 0, and id2label calls that "no"',
    );
  });

  it("refuses classes that do not count from 0", () => {
    expect(() => namesOf({ id2label: { 1: "no", 2: "yes" } }, "F")).toThrow("none has number 0");
    expect(() => namesOf({ label2id: { no: 0, yes: 0 } }, "F")).toThrow("none has number 1");
  });
});

describe("heads of folders", () => {
  const folder = deviceFolder();
  const id2label = { 0: "contradiction", 1: "neutral", 2: "entailment" };

  beforeAll(async () => {
    await writeTinyClassifier(`${folder}/named`, { config: { id2label } });
    await writeTinyClassifier(`${folder}/bare`, { outputs: 0 });
  });

  const write = async (name: string, options: Parameters<typeof writeTinyClassifier>[1]) => {
    await writeTinyClassifier(`${folder}/${name}`, options);
    return `${folder}/${name}`;
  };

  /** An adapter with a head of so many outputs, or none. */
  async function writeHead(name: string, outputs: number): Promise<string> {
    const weight = tensor(new Float32Array(outputs * 16), { shape: [outputs, 16] });
    const head = {
      "base_model.model.classifier.weight": weight,
      "base_model.model.classifier.bias": tensor(new Float32Array(outputs)),
    };
    await saveAdapter(`${folder}/${name}`, {
      config: {},
      tensors: outputs > 0 ? head : { "base_model.model.x.lora_A.weight": weight },
    });
    return `${folder}/${name}`;
  }

  it("has the names of id2label, and knows placeholders and numbers for none", async () => {
    expect(await modelHead(`${folder}/named`)).toMatchObject({
      labels: ["contradiction", "neutral", "entailment"],
      outputs: 3,
      isNamed: true,
    });
    for (const names of [{ 0: "LABEL_0", 1: "LABEL_1" }, { 0: "0", 1: "1" }]) {
      expect(await modelHead(await write("numbered", { config: { id2label: names } }))).toMatchObject({
        isNamed: false,
      });
    }
    expect(await modelHead(await write("plain", {}))).toMatchObject({ labels: ["LABEL_0", "LABEL_1"], isNamed: false });
  });

  it("is none where the weights have none, whatever config.json says", async () => {
    expect(await modelHead(`${folder}/bare`)).toBeUndefined();
    expect(await modelHead(await write("said", { outputs: 0, config: { id2label } }))).toBeUndefined();
  });

  it("is a regression's with one output, and refused where it gives several labels or scores", async () => {
    expect(await modelHead(await write("score", { outputs: 1, config: { num_labels: 1 } }))).toMatchObject({
      kind: "regression",
      outputs: 1,
    });
    for (const problem_type of ["multi_label_classification", "regression"]) {
      const model = await write("many", { config: { id2label, problem_type } });
      await expect(modelHead(model)).rejects.toThrow(
        `problem_type "${problem_type}" with 3 outputs gives a text several`,
      );
    }
  });

  it("is refused where config.json names other classes than the weights or labels.json have", async () => {
    await expect(modelHead(await write("two", { outputs: 2, config: { id2label } }))).rejects.toThrow(
      `has a head of 2, and id2label in ${folder}/two/config.json names contradiction, neutral, entailment`,
    );
    const model = await write("other", { config: { id2label } });
    await saveLabels(model, { kind: "classes", labels: ["entailment", "neutral", "contradiction"] });
    await expect(modelHead(model)).rejects.toThrow("labels.json entailment, neutral, contradiction: correct one");
  });

  it("of an adapter has the names of its labels.json, or else the model's where they are as many", async () => {
    const adapter = await writeHead("adapter", 3);
    expect((await adapterHead(adapter, `${folder}/named`))?.labels).toEqual(Object.values(id2label));
    expect((await adapterHead(adapter, `${folder}/bare`))?.isNamed).toBe(false);
    await saveLabels(adapter, { kind: "classes", labels: ["x", "y", "z"] });
    expect(await usedHead(`${folder}/named`, { adapter })).toMatchObject({
      labels: ["x", "y", "z"],
      source: `${adapter}/labels.json`,
    });
    await saveLabels(adapter, { kind: "classes", labels: ["x", "y"] });
    await expect(adapterHead(adapter, `${folder}/named`)).rejects.toThrow("has a head of 3, and");
    expect((await usedHead(`${folder}/named`, { adapter: await writeHead("empty", 0) }))?.owner).toContain(
      "the model in",
    );
  });

  it("of an adapter is found where the architecture has its last layer", async () => {
    const bias = tensor(new Float32Array(3));
    for (
      const [model_type, name] of [["roberta", "classifier.out_proj.bias"], ["distilbert", "classifier.bias"]] as const
    ) {
      await Deno.mkdir(`${folder}/${model_type}`);
      await Deno.writeTextFile(`${folder}/${model_type}/config.json`, JSON.stringify({ model_type }));
      const adapter = `${folder}/${model_type}_adapter`;
      await saveAdapter(adapter, { config: {}, tensors: { [`base_model.model.${name}`]: bias } });
      expect((await adapterHead(adapter, `${folder}/${model_type}`))?.outputs).toBe(3);
    }
  });

  it("is called what --classes says, if that names as many", async () => {
    const head = await modelHead(`${folder}/named`);
    expect(withClasses(head, "c, n ,e")).toMatchObject({
      labels: ["c", "n", "e"],
      source: "`data.classes`",
      isNamed: true,
    });
    expect(() => withClasses(head, "a,b")).toThrow(
      `\`data.classes\` names 2 classes, and the model in ${folder}/named has a head of 3 classes`,
    );
    expect(() => withClasses(head, "a,b,a")).toThrow('each once, not "a,b,a"');
    expect(withClasses(undefined, "a,b")).toMatchObject({ outputs: 2 });
  });

  it("of a whole model is no adapter's, and the message says how it is used", async () => {
    await expect(adapterHead(`${folder}/named`, `${folder}/bare`)).rejects.toThrow(
      `it is the whole model already, to be used as \`model.name\` ${folder}/named`,
    );
  });
});
