import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { io, ones } from "../../mod.ts";
import { Inputs } from "../../experiments/runner/data/inputs.ts";
import { loadModelOf, loadOwnModel, ownModelFiles } from "../../experiments/runner/model/own_model.ts";
import { findRecord, hashSpec, type RunSpec } from "../../lib/experiment/mod.ts";
import { deviceFolder } from "../support/device_folder.ts";
import { testFolder } from "../support/folder.ts";
import { ROOT, runTask } from "./run_task.ts";

const BAG = "tests/fixtures/own_models/bag_of_words.ts";
const PARITY = "tests/fixtures/tasks/parity.ts";
const LORA_XS = "tests/fixtures/methods/lora_xs.ts";

/** A module that exports a model with such parts in the place of others, which are written as source. */
function moduleText(name: string, parts: Readonly<Record<string, string>> = {}): string {
  const whole: Record<string, string> = {
    name: `"${name}"`,
    tokenizer: '"suite"',
    maxLength: "16",
    targets: '["mix"]',
    init: `(key, { vocabSize, labels }) => ({
      "embeddings.weight": dd.random.normal(key, [vocabSize, 4]),
      "mix.weight": dd.random.normal(dd.random.foldIn(key, 1), [4, 4]),
      "classifier.weight": dd.random.normal(dd.random.foldIn(key, 2), [labels, 4]),
      "classifier.bias": dd.zeros([labels]),
    })`,
    apply: `(params, { inputIds }) => {
      const words = dd.embedding(params["embeddings.weight"], inputIds).mean({ axis: 1 });
      return dd.nn.linear(dd.nn.linear(words, params["mix.weight"]), params["classifier.weight"], params["classifier.bias"]);
    }`,
    ...parts,
  };
  return `// deno-lint-ignore-file
import * as dd from "${new URL("mod.ts", ROOT)}";
export const model = dd.models.defineModel({ ${Object.entries(whole).map(([key, value]) => `${key}: ${value}`)} });\n`;
}

describe("a module's model", () => {
  const folder = deviceFolder();

  let count = 0;
  /** Writes a module with a model of a name of its own. */
  async function write(parts: Readonly<Record<string, string>> = {}): Promise<string> {
    const path = `${folder}/model_${++count}.ts`;
    await Deno.writeTextFile(path, moduleText(`model-${count}`, parts));
    return path;
  }

  const bits = async (params: Readonly<Record<string, { data(): Promise<ArrayLike<number>> }>>, name: string) =>
    Array.from(await params[name].data());

  it("has an encoder that is the same in all runs, and a head of the seed's", async () => {
    const { files } = await ownModelFiles(await write());
    const [a, b] = [0, 1].map((seed) => files.load({ labels: 3, seed }).base);
    expect(Object.keys(a)).toEqual(["embeddings.weight", "mix.weight", "classifier.weight", "classifier.bias"]);
    expect(a["classifier.weight"].shape).toEqual([3, 4]);
    expect(await bits(a, "mix.weight")).toEqual(await bits(b, "mix.weight"));
    expect(await bits(a, "classifier.weight")).not.toEqual(await bits(b, "classifier.weight"));
  });

  it("is what specs say: its module with a hash, and sizes that are known of it", async () => {
    const path = await write();
    const { reference, targets } = await new Inputs({ model: path }).model();
    expect(reference).toMatchObject({ name: `model-${count}`, source: "module", hiddenSize: 4, maxLength: 16 });
    expect(reference.module!.hash).toMatch(/^[0-9a-f]{16}$/);
    expect(targets).toEqual(["mix"]);
    // Its spec, as far as it is asked.
    const spec = (hash: string) => ({ model: { ...reference, length: 16, module: { ...reference.module!, hash } } });
    await loadModelOf(spec(reference.module!.hash));
    await expect(loadModelOf(spec("0123456789abcdef"))).rejects.toThrow(
      `or what it imports changed: its hash is ${reference.module!.hash} now, and 0123456789abcdef in the spec`,
    );
  });

  it("reads weights from a folder beside it, and a head of as many classes", async () => {
    await Deno.mkdir(`${folder}/weights`);
    const weights = '"./weights"';
    const path = await write({ weights });
    const { files } = await ownModelFiles(await write());
    const { base } = files.load({ labels: 3, seed: 5 });
    await io.saveSafetensors(`${folder}/weights/model.safetensors`, { ...base, "mix.weight": ones([4, 4]) });
    const read = await ownModelFiles(path);
    const [same, other, fresh] = [
      read.files.load({ labels: 3, seed: 0 }),
      read.files.load({ labels: 2, seed: 0 }),
      read.files.load({ labels: 3, seed: 0, isFresh: true }),
    ];
    expect(await bits(same.base, "mix.weight")).toEqual(Array(16).fill(1));
    expect(await bits(same.base, "classifier.weight")).toEqual(await bits(base, "classifier.weight"));
    expect([same, other, fresh].map(({ report }) => report.fresh.length)).toEqual([0, 2, 2]);
    expect(read.hash).not.toBe((await ownModelFiles(await write())).hash);

    const wrong: [Record<string, ReturnType<typeof ones>>, string][] = [
      [{ "embeddings.weight": base["embeddings.weight"] }, "they lack mix.weight"],
      [{ ...base, "mix.weight": ones([4, 5]) }, "mix.weight is [4,5], and the model has [4,4]"],
      [{ ...base, "more.weight": ones([4]) }, "no parameter of the model is called more.weight"],
    ];
    for (const [tensors, message] of wrong) {
      await io.saveSafetensors(`${folder}/weights/model.safetensors`, tensors);
      await expect(ownModelFiles(path)).rejects.toThrow(message);
    }
  });

  it("takes a tokenizer, or a folder with one beside it", async () => {
    const tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "dog"];
    const own = await ownModelFiles(await write({ tokenizer: `dd.data.wordPiece(${JSON.stringify(tokens)})` }));
    expect(own.files.tokenizer.vocabSize).toBe(6);
    await Deno.mkdir(`${folder}/tokens`);
    await Deno.writeTextFile(`${folder}/tokens/vocab.txt`, tokens.join("\n"));
    const beside = await ownModelFiles(await write({ tokenizer: '"./tokens"' }));
    expect(beside.files.tensors["embeddings.weight"].shape).toEqual([6, 4]);
    await Deno.remove(`${folder}/tokens/vocab.txt`);
    await expect(ownModelFiles(await write({ tokenizer: '"./tokens"' }))).rejects.toThrow("has no tokenizer.json");
  });

  it("is said what it lacks to be one, and what it must export", async () => {
    const parts: [parts: Readonly<Record<string, string>>, message: string][] = [
      [{ name: '"My model"' }, "its `name` is no text of lower-case words"],
      [{ tokenizer: "undefined" }, "its `tokenizer` is neither one, nor a folder"],
      [{ maxLength: "0" }, "its `maxLength` is no number of tokens"],
      [{ targets: "[]" }, "its `targets` are no list of endings"],
      [{ weights: "3" }, "its `weights` are no folder"],
      [{ init: "undefined" }, "it has no function `init`"],
      [{ apply: "{}" }, "it has no function `apply`"],
    ];
    for (const [own, message] of parts) {
      const promise = loadOwnModel(await write(own));
      await expect(promise).rejects.toThrow(`as a model: ${message}`);
      await expect(promise).rejects.toThrow("It must export one: export const model = models.defineModel({");
    }
    await Deno.writeTextFile(`${folder}/none.ts`, "export default 1;\n");
    await expect(loadOwnModel(`${folder}/none.ts`)).rejects.toThrow("it exports no `model`, but default. It must");
    await expect(loadOwnModel(`${folder}/no.ts`)).rejects.toThrow("cannot load the model ");
  });

  it("is refused where its functions give other things than they must", async () => {
    const init = (head: string) => `(key, { labels }) => ({ "mix.weight": dd.ones([4, 4]), ${head} })`;
    const wrong: [parts: Readonly<Record<string, string>>, message: string][] = [
      [{ init: "() => undefined" }, "its `init` gives no record of tensors"],
      [{ init: "() => ({ a: [1] })" }, "its `init` gives no record of tensors"],
      [{ init: init("") }, "its `init` gives no head, whose parameters are called classifier, score or pooler"],
      [
        { init: init('"classifier.weight": dd.ones([3, 4])') },
        "classifier.weight, the last parameter of its head, is [3,4], and 2 outputs are asked for",
      ],
    ];
    for (const [parts, message] of wrong) {
      await expect(ownModelFiles(await write(parts))).rejects.toThrow(message);
    }
    const { files } = await ownModelFiles(
      await write({ apply: "(_, { inputIds }) => dd.ones([inputIds.shape[0], 7])" }),
    );
    const { model, base } = files.load({ labels: 2, seed: 0 });
    const ids = ones([3, 5]);
    const batch = { inputIds: ids, attentionMask: ids, tokenTypeIds: ids };
    expect(() => model.apply(base, batch)).toThrow("its `apply` gives [3,7], and logits of 3 texts are [3,2]");
    const path = await write();
    await expect(ownModelFiles(path, { weights: "f16" })).rejects.toThrow("`model.weights` is nothing of ");
    await expect(ownModelFiles(path, { revision: "main" })).rejects.toThrow("`model.revision` is nothing of ");
    const plain = await ownModelFiles(path);
    expect(() => plain.files.load({ seed: 0, dropout: 0.1 })).toThrow("`model.dropout` is nothing of ");
  });
});

describe("a model of one's own", () => {
  const out = testFolder();

  it("is trained, scored with its adapter, and repeated to the same bits; a changed one is refused", async () => {
    const module = `${out}/bag.ts`;
    await Deno.copyFile(new URL(BAG, ROOT), module);
    const shared = ["--model", module, "--task", "rte", "--data", "suite"];
    const [trained, file] = [`${out}/trained`, `${out}/bag.yaml`];
    const train = [
      ...[...shared, "--method", "lora", "--rank", "4", "--learning-rate", "0.01", "--steps", "40"],
      ...["--out", trained, "--write-spec", file, "--json"],
    ];
    const { code, stdout, stderr } = await runTask("train", train);
    expect(code === 0 ? "" : stderr).toBe("");
    const { spec, metrics }: { spec: RunSpec; metrics: unknown } = JSON.parse(stdout);
    expect(spec.model).toMatchObject({ name: "bag-of-words", source: "module", hiddenSize: 32 });
    expect(spec.method).toMatchObject({ name: "lora", targets: "mix" });
    const adapter = JSON.parse(await Deno.readTextFile(`${trained}/adapter_config.json`));
    expect(adapter).toMatchObject({
      peft_type: "LORA",
      base_model_name_or_path: module,
      target_modules: ["mix"],
      modules_to_save: ["classifier"],
    });
    const scored = await runTask("evaluate", [...shared, "--adapter", trained]);
    expect(JSON.parse(scored.stdout).metrics).toEqual(metrics);

    const again = await runTask("run", [file, "--out", `${out}/again`, "--json"]);
    expect(again.code === 0 ? "" : again.stderr).toBe("");
    const curves = await Promise.all([trained, `${out}/again`].map(async (folder) => {
      const found = await findRecord(folder, spec);
      return found.kind === "finished" ? found.record.result!.curve.map(({ loss }) => loss) : [];
    }));
    expect(curves[0]).toHaveLength(40);
    expect(curves[1]).toEqual(curves[0]);
    const other = { ...spec, model: { ...spec.model, module: { ...spec.model.module!, hash: "0123456789abcdef" } } };
    expect(await hashSpec(other)).not.toBe(await hashSpec(spec));

    const merged = await runTask("merge", ["--model", module, "--adapter", trained, "--out", `${out}/merged`]);
    expect(merged.stderr).toBe(
      `merge: cannot write ${module} as a folder in Hugging Face's layout, as transformers has no such model: evaluate ` +
        "and train take the adapter as it is\n",
    );
    await Deno.writeTextFile(module, "// another one\n", { append: true });
    const changed = await runTask("run", [file, "--out", `${out}/changed`]);
    expect([changed.code, changed.stdout]).toEqual([1, ""]);
    expect(changed.stderr).toContain(`and ${spec.model.module!.hash} in the spec`);
    const resumed = await runTask("train", [...train, "--resume"]);
    expect(resumed.stderr).toContain("the model.module changed since");
  });

  it("stands in a table with a task and a method of one's own", async () => {
    const methods = `full,./${LORA_XS}`;
    const flags = ["--model", `./${BAG}`, "--scale", "default", "--tasks", `./${PARITY},stsb`, "--methods", methods];
    const { code, stdout, stderr } = await runTask("reproduce", [
      ...["glue", ...flags, "--steps", "3", "--seeds", "2", "--out", `${out}/table`, "--json"],
    ]);
    expect(code === 0 ? "" : stderr).toBe("");
    const runs: { status: string; spec: RunSpec }[] = JSON.parse(stdout).runs;
    expect(runs.map(({ status }) => status)).toEqual(Array(8).fill("finished"));
    expect(runs.every(({ spec }) => spec.model.module?.path === `./${BAG}`)).toBe(true);
    expect(runs[2].spec.method).toMatchObject({ name: "lora-xs", targets: "(.*\\.)?(mix)" });
    const report = await Deno.readTextFile(`${out}/table/report.md`);
    expect(report).toContain(`the same encoder (bag-of-words, ./${BAG}, weights `);
  });

  it("is trained whole into weights that its module may read, and its state is converted as others' are", async () => {
    const shared = ["--task", `./${PARITY}`];
    const train = (...flags: string[]) =>
      runTask("train", ["--model", `./${BAG}`, ...shared, "--steps", "6", ...flags]);
    const whole = await train("--method", "full", "--out", `${out}/whole`, "--json");
    expect(whole.code === 0 ? "" : whole.stderr).toBe("");
    const source = await Deno.readTextFile(new URL(BAG, ROOT));
    await Deno.writeTextFile(`${out}/read.ts`, source.replace("maxLength: 64,", 'maxLength: 64, weights: "./whole",'));
    const scored = await runTask("evaluate", ["--model", `${out}/read.ts`, ...shared]);
    expect(JSON.parse(scored.stdout).metrics).toEqual(JSON.parse(whole.stdout).metrics);
    const fresh = await runTask("evaluate", ["--model", `./${BAG}`, ...shared]);
    expect(fresh.stderr).toContain(`./${BAG} has no head for this task: it lacks classifier.weight, classifier.bias`);

    const delta = await train(
      "--method",
      "delta-lora",
      "--write",
      "telescoped",
      "--start-step",
      "1",
      "--out",
      `${out}/d`,
    );
    expect(delta.code === 0 ? "" : delta.stderr).toBe("");
    const converted = await runTask("convert", ["--state", `${out}/d`, "--out", `${out}/lora`, "--json"]);
    expect(converted.code === 0 ? "" : converted.stderr).toBe("");
    const { difference, rank } = JSON.parse(converted.stdout);
    expect(rank).toBe(16);
    expect(difference.largest).toBeLessThan(1e-5 * Math.max(1, difference.scale));
  });

  it("has its faults told as those of flags are", async () => {
    const train = (model: string, ...flags: string[]) =>
      runTask("train", ["--model", model, "--task", `./${PARITY}`, "--out", `${out}/none`, ...flags]);
    expect((await train("./no_model.ts")).stderr).toContain("train: cannot load the model ./no_model.ts");
    expect((await train(`./${BAG}`, "--dropout", "0.1")).stderr).toBe(
      `train: --dropout is nothing of ./${BAG}: leave it out with a model of one's own\n`,
    );
    expect((await train(`./${BAG}`, "--method", "lora", "--targets", "mixx")).stderr).toContain(
      "nearest are mix, classifier",
    );
  });
});
