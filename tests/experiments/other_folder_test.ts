import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { requireNoAdapter, requireOtherFolder } from "../../experiments/runner/model/other_folder.ts";
import { hub } from "../../mod.ts";
import { testFolder } from "../support/folder.ts";

describe("folders that commands write into", () => {
  const folder = testFolder();
  beforeAll(async () => {
    await Deno.mkdir(`${folder}/model/deep`, { recursive: true });
    await Deno.mkdir(`${folder}/adapter`);
    await Deno.symlink(`${folder}/model`, `${folder}/link`);
    await Deno.symlink(folder, `${folder}/adapter/up`);
  });

  it("are none that they read, by whatever path", async () => {
    const read = () => ({ "model.name": `${folder}/model`, adapter: `${folder}/adapter/`, state: undefined });
    const relative = folder.slice(1).split("/").map(() => "..").join("/");
    const same = ["model", "model/", "model//", "./model/.", "model/deep/..", "link", "link/", "adapter/up/model"];
    for (const path of same) {
      await expect(requireOtherFolder(`${folder}/${path}`, read())).rejects.toThrow(
        `cannot write into ${folder}/${path} as it is the folder of \`model.name\`, which would be written over`,
      );
    }
    await expect(requireOtherFolder(`${folder}/link/../adapter`, read())).rejects.toThrow("the folder of `adapter`");
    const back = Deno.cwd().slice(1).split("/").map(() => "..").join("/");
    await expect(requireOtherFolder(`${back}${folder}/model`, read())).rejects.toThrow("the folder of `model.name`");
    const others = [
      "new",
      "new/",
      "new/deep/er",
      "model/deep",
      "model/new",
      "models",
      "adapter/up/other",
      `${relative}x`,
    ];
    for (const path of others) await requireOtherFolder(`${folder}/${path}`, read());
    for (const path of ["out", "./out/", "a/b/c", "."]) await requireOtherFolder(path, read());
    await expect(requireOtherFolder(".", { "model.name": Deno.cwd() })).rejects.toThrow("the folder of `model.name`");
  });

  it("do not lie in the hub's cache", async () => {
    const { cacheDir } = await hub.hubSettings();
    const inside = `${cacheDir}/models--org--name/snapshots/1`;
    await expect(requireOtherFolder(inside, {})).rejects.toThrow(`as it lies in the hub's cache`);
    await requireOtherFolder(`${cacheDir}-of-mine`, {});
  });

  it("hold no adapter where they get a model, which transformers would load on top of it", async () => {
    await requireNoAdapter(`${folder}/none`);
    await requireNoAdapter(`${folder}/model`);
    await Deno.writeTextFile(`${folder}/adapter/adapter_config.json`, "{}");
    await expect(requireNoAdapter(`${folder}/adapter`)).rejects.toThrow("as it holds an adapter");
  });
});
