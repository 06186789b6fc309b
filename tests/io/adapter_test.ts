import { expect } from "expect";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { loadAdapter, saveAdapter } from "../../lib/io/mod.ts";
import { tensor } from "../../lib/tensor/mod.ts";
import said from "../fixtures/peft_adapter.json" with { type: "json" };
import { testDevice } from "../support/device.ts";
import { bits, expectClose } from "../support/numbers.ts";
import { exportedAdapters } from "./exported.ts";

describe("adapters in PEFT's format", () => {
  let folder: string;
  beforeAll(async () => {
    await testDevice();
    folder = await Deno.makeTempDir();
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  for (const name of ["lora", "delta-lora"] as const) {
    it(`${name}: PEFT found every tensor, none too many, and gave these logits`, async () => {
      const { logits, adapter } = exportedAdapters()[name];
      const peft = said.adapters[name];
      expect([peft.unexpected, peft.missing]).toEqual([[], []]);
      expect([peft.rank, peft.alpha, peft.task]).toEqual([adapter.config.r, adapter.config.lora_alpha, "SEQ_CLS"]);
      expect(peft.targets).toEqual([...adapter.config.target_modules as string[]].sort());
      expect(peft.saved).toContain("classifier");
      expectClose(await logits.data(), peft.logits, 1e-5);
    });

    it(`${name}: comes back from its folder as it was saved`, async () => {
      const { adapter } = exportedAdapters()[name];
      await saveAdapter(`${folder}/deep/${name}`, adapter);
      const loaded = await loadAdapter(`${folder}/deep/${name}`);
      expect(loaded.config).toEqual(adapter.config);
      expect(Object.keys(loaded.tensors).sort()).toEqual(Object.keys(adapter.tensors).sort());
      for (const [path, x] of Object.entries(adapter.tensors)) {
        expect(loaded.tensors[path].shape).toEqual(x.shape);
        expect(bits(await loaded.tensors[path].data())).toEqual(bits(await x.data()));
      }
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
