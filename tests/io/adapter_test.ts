import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { loadAdapter, saveAdapter } from "../../lib/io/mod.ts";
import { sha256 } from "../../lib/io/sha256.ts";
import { random } from "../../lib/ops/mod.ts";
import { adapterMethod } from "../../lib/peft/mod.ts";
import { tensor } from "../../lib/tensor/mod.ts";
import said from "../fixtures/peft_adapter.json" with { type: "json" };
import { testFolder } from "../support/folder.ts";
import { testDevice } from "../support/device.ts";
import { bits, expectClose } from "../support/numbers.ts";
import { ARCHITECTURES, bitfitModels, type Exported, exportedAdapters, writeMerged } from "./exported.ts";

/** What peft_adapter.py wrote of one adapter. */
interface Said {
  /** Hex sha-256 of adapter_config.json and adapter_model.safetensors. */
  readonly files: readonly string[];
  readonly logits: readonly number[];
  readonly unexpected: readonly string[];
  readonly missing: readonly string[];
  readonly rank: number;
  /** `null` where the kind has none. */
  readonly alpha: number | null;
  readonly task: string | null;
  readonly targets: readonly string[];
  readonly saved: readonly string[] | null;
}

/** Two computations of singular values differ by more than sums do: PEFT makes those that PiSSA began with anew. */
const toleranceOf = (name: string) => /^pissa(-rslora)?$/.test(name) ? 1e-4 : 1e-5;

const FILES = ["adapter_config.json", "adapter_model.safetensors"];

describe("adapters in PEFT's format", () => {
  const folder = testFolder();
  let exported: Readonly<Record<string, Exported>>;
  beforeAll(async () => {
    await testDevice();
    exported = exportedAdapters();
  });

  it("are of every kind that PEFT and transformers were given", () => {
    expect(Object.keys(said.adapters).sort()).toEqual(Object.keys(exported).sort());
    expect(Object.keys(said.bitfit).sort()).toEqual([...ARCHITECTURES].sort());
  });

  const adapters: Readonly<Record<string, Said>> = said.adapters;
  for (const [name, peft] of Object.entries(adapters)) {
    it(`${name}: PEFT found every tensor, none too many, and gave the logits of the merged weights`, async () => {
      const { adapter, classifier, merged } = exported[name];
      expect([peft.unexpected, peft.missing]).toEqual([[], []]);
      const { config } = adapter;
      expect([peft.rank, peft.alpha, peft.task]).toEqual([config.r, config.lora_alpha ?? null, config.task_type]);
      expect(peft.targets).toEqual([...config.target_modules as string[]].sort());
      expect(peft.saved ?? []).toEqual(expect.arrayContaining(config.modules_to_save as string[] ?? []));
      // Heads are those of the commands, which PEFT must take for a classifier's.
      if (name.includes("/")) expect(config.task_type).toBe("SEQ_CLS");
      await saveAdapter(`${folder}/deep/${name}`, adapter);
      const hashes: string[] = [];
      for (const file of FILES) hashes.push(await sha256(await Deno.readFile(`${folder}/deep/${name}/${file}`)));
      expect(hashes).toEqual(peft.files);
      expectClose(await (await classifier.answer(merged())).data(), peft.logits, toleranceOf(name));
    });

    it(`${name}: comes back from its folder as it was saved, and is exported as it was`, async () => {
      const { adapter, classifier: { base } } = exported[name];
      await saveAdapter(`${folder}/again/${name}`, adapter);
      expect(Array.from(Deno.readDirSync(`${folder}/again/${name}`), (file) => file.name).sort()).toEqual(FILES);
      const loaded = await loadAdapter(`${folder}/again/${name}`);
      expect(loaded.config).toEqual(adapter.config);
      const { method, trainable, base: same } = adapterMethod(loaded, base);
      for (const [parameter, value] of Object.entries(base)) expect(same[parameter]).toBe(value);
      const { aux } = method.init(random.key(0), base);
      const { config, tensors } = method.export({ base, trainable: trainable as never, aux });
      // What was a part of a module comes back as the whole of it.
      expect({ ...config, modules_to_save: null }).toEqual({ ...adapter.config, modules_to_save: null });
      expect(Object.keys(tensors).sort()).toEqual(Object.keys(adapter.tensors).sort());
      for (const [path, x] of Object.entries(adapter.tensors)) {
        expect(tensors[path].shape).toEqual(x.shape);
        expect(bits(await tensors[path].data())).toEqual(bits(await x.data()));
      }
    });
  }

  it("of older versions, whose modules_to_save name layers one by one, are read as they were meant", async () => {
    const older = {
      "roberta/lora": ["classifier.dense", "classifier.out_proj"],
      "distilbert/dora": ["pre_classifier", "classifier"],
      "deberta-v3/adalora": ["pooler.dense", "classifier"],
      "bert/lora": ["bert.pooler.dense", "classifier"],
    } as const;
    for (const [name, modules] of Object.entries(older)) {
      const { adapter: { config, tensors }, classifier: { base, answer } } = exported[name];
      const { method, trainable } = adapterMethod({ config: { ...config, modules_to_save: modules }, tensors }, base);
      const { aux } = method.init(random.key(0), base);
      const merged = method.merge({ base, trainable: trainable as never, aux });
      expectClose(await (await answer(merged)).data(), adapters[name].logits, 1e-5);
    }
    // One for which the head of the model stayed as it was names the task all the same.
    const { adapter: { config, tensors }, classifier: { base } } = exported["bert/lora"];
    const pooler = Object.fromEntries(Object.entries(tensors).filter(([name]) => !name.includes("classifier")));
    const old = { config: { ...config, modules_to_save: ["bert.pooler.dense"] }, tensors: pooler };
    const { trainable: { heads } } = adapterMethod(old, base);
    expect(Object.keys(heads)).toEqual(["bert.pooler.dense.weight", "bert.pooler.dense.bias"]);
  });

  it("answer as PEFT does without being merged, too", async () => {
    for (
      const name of [
        "lora",
        "dora",
        "adalora",
        "hira",
        "vera",
        "pissa",
        "delta-lora-telescoped",
        "lora-in-classifier",
      ] as const
    ) {
      const { classifier, adapted } = exported[name];
      expectClose(await (await classifier.answer(adapted())).data(), said.adapters[name].logits, toleranceOf(name));
    }
  });

  it("of BitFit, which PEFT does not have, come back and are merged into models of transformers", async () => {
    const models = bitfitModels();
    for (const [name, { logits, unexpected, missing, class: className, dtype }] of Object.entries(said.bitfit)) {
      const { adapter, classifier: { base, answer }, merged: own } = models[name];
      expect([unexpected, missing, dtype]).toEqual([[], [], "float32"]);
      const written = `${folder}/merged/${name}`;
      await writeMerged(written, name, own());
      expect(JSON.parse(await Deno.readTextFile(`${written}/config.json`))).toMatchObject({
        architectures: [className],
        dtype,
      });
      await saveAdapter(`${folder}/bitfit/${name}`, adapter);
      const { method, trainable } = adapterMethod(await loadAdapter(`${folder}/bitfit/${name}`), base);
      const merged = method.merge({ base, trainable: trainable as never, aux: {} });
      expectClose(await (await answer(merged)).data(), logits, 1e-5);
    }
  });

  it("are not read where a file is missing or broken, and the message says which", async () => {
    const path = `${folder}/broken`;
    await expect(loadAdapter(path)).rejects.toThrow(`cannot read ${path}/adapter_config.json: `);
    await saveAdapter(path, { config: { r: 1 }, tensors: { A: tensor([1]) } });
    await Deno.writeTextFile(`${path}/adapter_config.json`, "{");
    await expect(loadAdapter(path)).rejects.toThrow(`cannot read ${path}/adapter_config.json: `);
    await Deno.writeTextFile(`${path}/adapter_config.json`, "{}");
    await Deno.rename(`${path}/adapter_model.safetensors`, `${path}/kept`);
    await expect(loadAdapter(path)).rejects.toThrow(`cannot read ${path}/adapter_model.safetensors: `);
    await Deno.writeTextFile(`${path}/adapter_model.bin`, "of an older PEFT");
    await expect(loadAdapter(path)).rejects.toThrow(
      new RegExp(`there is only adapter_model.bin, of which Python makes it: import torch; .*torch.load\\("${path}/`),
    );
    await Deno.rename(`${path}/kept`, `${path}/adapter_model.safetensors`);
    await Deno.truncate(`${path}/adapter_model.safetensors`, 20);
    await expect(loadAdapter(path)).rejects.toThrow(`cannot read ${path}/adapter_model.safetensors: its header`);
  });
});
