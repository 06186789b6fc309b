import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { io, tensor } from "../../mod.ts";
import { loadChecked, saveChecked } from "../../experiments/runner/train/checked_tensors.ts";
import { withFolder } from "../experiment/samples.ts";

const tensors = () => ({
  "b.weight": tensor([1, 2, 3, 4, 5, 6], { shape: [2, 3] }),
  a: tensor([7, 8], { dtype: "i32" }),
});

describe("tensors with a checksum", () => {
  it("come back as they were written, with what was said beside them", async () => {
    await withFolder(async (folder) => {
      await saveChecked(`${folder}/x`, tensors(), { run: "1" });
      const { tensors: read, metadata } = await loadChecked(`${folder}/x`);
      expect(metadata).toEqual({ run: "1" });
      expect(Array.from(await read["b.weight"].data())).toEqual([1, 2, 3, 4, 5, 6]);
      expect(Array.from(await read.a.data())).toEqual([7, 8]);
    });
  });

  it("are refused with any byte flipped, cut short, or empty, but for the name of the checksum itself", async () => {
    await withFolder(async (folder) => {
      await saveChecked(`${folder}/x`, tensors(), { run: "1" });
      const bytes = await Deno.readFile(`${folder}/x`);
      const name = new TextDecoder("latin1").decode(bytes).indexOf("checksum");
      for (let at = 0; at < bytes.length; at++) {
        // Without its name a file is one of a version that wrote none; what the checksum is of stands there unharmed.
        if (at >= name && at < name + "checksum".length) continue;
        for (const bit of [1, 64]) {
          await Deno.writeFile(`${folder}/y`, bytes.with(at, bytes[at] ^ bit));
          await expect(loadChecked(`${folder}/y`)).rejects.toThrow(/^it (cannot be read|is not what was written)/);
        }
      }
      for (const length of [0, 7, 100, bytes.length - 1]) {
        await Deno.writeFile(`${folder}/y`, bytes.slice(0, length));
        await expect(loadChecked(`${folder}/y`)).rejects.toThrow("it cannot be read");
      }
    });
  });

  it("are read without one, as older versions wrote none", async () => {
    await withFolder(async (folder) => {
      await io.saveSafetensors(`${folder}/x`, tensors(), { run: "1" });
      expect((await loadChecked(`${folder}/x`)).metadata).toEqual({ run: "1" });
    });
  });
});
