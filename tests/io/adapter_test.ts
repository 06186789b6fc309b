import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { loadAdapter, saveAdapter } from "../../lib/io/mod.ts";
import { random } from "../../lib/ops/mod.ts";
import { adapterMethod } from "../../lib/peft/mod.ts";
import { tensor } from "../../lib/tensor/mod.ts";
import said from "../fixtures/peft_adapter.json" with { type: "json" };
import { testDevice } from "../support/device.ts";
import { encoder, encoderBatch, encoderWeights } from "../support/encoder.ts";
import { bits, expectClose } from "../support/numbers.ts";
import { exportedAdapters } from "./exported.ts";

describe("adapters in PEFT's format", () => {
  let folder: string;
  beforeAll(async () => {
    await testDevice();
    folder = await Deno.makeTempDir();
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  it("are of every kind that PEFT knows", () => {
    expect(Object.keys(said.adapters).sort()).toEqual(Object.keys(exportedAdapters()).sort());
  });

  for (const name of Object.keys(said.adapters) as (keyof typeof said.adapters)[]) {
    it(`${name}: PEFT found every tensor, none too many, and gave these logits`, async () => {
      const { logits, adapter } = exportedAdapters()[name];
      const peft = said.adapters[name];
      expect([peft.unexpected, peft.missing]).toEqual([[], []]);
      const { config } = adapter;
      expect([peft.rank, peft.alpha, peft.task]).toEqual([config.r, config.lora_alpha, config.task_type]);
      expect(peft.targets).toEqual([...config.target_modules as string[]].sort());
      expect(peft.saved ?? []).toEqual(expect.arrayContaining(config.modules_to_save as string[] ?? []));
      expectClose(await logits.data(), peft.logits, 1e-5);
    });

    it(`${name}: comes back from its folder as it was saved`, async () => {
      const { adapter, logits } = exportedAdapters()[name];
      await saveAdapter(`${folder}/deep/${name}`, adapter);
      const loaded = await loadAdapter(`${folder}/deep/${name}`);
      expect(loaded.config).toEqual(adapter.config);
      expect(Object.keys(loaded.tensors).sort()).toEqual(Object.keys(adapter.tensors).sort());
      for (const [path, x] of Object.entries(adapter.tensors)) {
        expect(loaded.tensors[path].shape).toEqual(x.shape);
        expect(bits(await loaded.tensors[path].data())).toEqual(bits(await x.data()));
      }
      const base = encoderWeights();
      const { method, trainable } = adapterMethod(loaded, base);
      const adapted = method.adapt(base, trainable as never, method.init(random.key(0), base).aux);
      expectClose(await encoder.apply(adapted, encoderBatch(0)).data(), await logits.data(), 1e-5);
      const files = Array.from(Deno.readDirSync(`${folder}/deep/${name}`), (file) => file.name).sort();
      expect(files).toEqual(["adapter_config.json", "adapter_model.safetensors"]);
    });
  }

  it("are not read where a file is missing or broken, and the message says which", async () => {
    const path = `${folder}/broken`;
    await expect(loadAdapter(path)).rejects.toThrow(`cannot read ${path}/adapter_config.json: `);
    await saveAdapter(path, { config: { r: 1 }, tensors: { A: tensor([1]) } });
    await Deno.writeTextFile(`${path}/adapter_config.json`, "{");
    await expect(loadAdapter(path)).rejects.toThrow(`cannot read ${path}/adapter_config.json: `);
    await Deno.writeTextFile(`${path}/adapter_config.json`, "{}");
    await Deno.truncate(`${path}/adapter_model.safetensors`, 20);
    await expect(loadAdapter(path)).rejects.toThrow(`cannot read ${path}/adapter_model.safetensors: its header`);
  });
});
