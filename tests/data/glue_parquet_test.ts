import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { readGlueTask } from "../../lib/data/mod.ts";
import { withFolder } from "../experiment/samples.ts";
import { sampleTables } from "../fixtures/tables.ts";

/** Made by tests/fixtures/glue_parquet.py. */
const FILES = new URL("../fixtures/glue_parquet", import.meta.url).pathname;

const { folders } = await sampleTables();

describe("readGlueTask() of Parquet files", () => {
  for (const { name, task, files, rows, reason } of folders) {
    it(rows ? `reads ${name}` : `refuses ${name}`, async () => {
      await withFolder(async (folder) => {
        await Deno.mkdir(`${folder}/${task}`);
        for (const [file, data] of Object.entries(files)) {
          await Deno.writeFile(`${folder}/${task}/${file}`, Uint8Array.fromBase64(data));
        }
        if (!rows) return await expect(readGlueTask(folder, task)).rejects.toThrow(reason);
        const { train, dev } = await readGlueTask(folder, task);
        const examples = rows.map((row) =>
          row.length === 2 ? { text: row[0], label: row[1] } : { text: row[0], text2: row[1], label: row[2] }
        );
        expect([train, dev]).toEqual([examples, examples]);
      });
    });
  }

  it("reads a sentence, its label and nothing of the test split", async () => {
    const { train, dev, mismatched } = await readGlueTask(FILES, "sst2");
    expect(train).toEqual([{ text: "a warm film ", label: 1 }, { text: "it 's “dull” 🎬", label: 0 }]);
    expect(dev).toEqual([{ text: "fine\ttabs", label: 1 }]);
    expect(mismatched).toBeUndefined();
  });

  it("reads pairs, and MNLI's mismatched examples beside the matched ones", async () => {
    const { train, dev, mismatched, files } = await readGlueTask(`${FILES}/`, "mnli");
    expect(files.map((file) => file.replace(/-0.*$/, ""))).toEqual(
      ["train", "validation_matched", "validation_mismatched"].map((split) => `${FILES}/mnli/${split}`),
    );
    expect(train).toEqual([{ text: "train says so", text2: "it is so", label: 0 }]);
    expect([dev[0].label, mismatched![0].label]).toEqual([1, 2]);
  });

  it("reads scores", async () => {
    const { dev } = await readGlueTask(FILES, "stsb");
    expect(dev.map(({ label }) => label)).toEqual([5, 1.25]);
  });

  it("gives a hash that tells other rows apart", async () => {
    const [one, same, other] = await Promise.all(
      ["sst2", "sst2", "stsb"].map((task) => readGlueTask(FILES, task as "sst2")),
    );
    expect(one.hash).toBe(same.hash);
    expect(one.hash).not.toBe(other.hash);
  });

  it("names the file, the row and the reason of a wrong label", async () => {
    await expect(readGlueTask(FILES, "rte")).rejects.toThrow(
      /rte\/train-00000-of-00001\.parquet, row 1, as its label -1 must be a class from 0 to 1/,
    );
  });

  it("names a file that is cut short, and a folder without one of the splits", async () => {
    await withFolder(async (folder) => {
      await Deno.mkdir(`${folder}/sst2`);
      const name = "train-00000-of-00001.parquet";
      const bytes = await Deno.readFile(`${FILES}/sst2/${name}`);
      await Deno.writeFile(`${folder}/sst2/${name}`, bytes.subarray(0, bytes.length - 40));
      await expect(readGlueTask(folder, "sst2")).rejects.toThrow(/holds train files, but no validation-\*\.parquet/);
      await Deno.copyFile(`${FILES}/sst2/validation-00000-of-00001.parquet`, `${folder}/sst2/validation.parquet`);
      await expect(readGlueTask(folder, "sst2")).rejects.toThrow(
        /sst2\/train-00000-of-00001\.parquet as it is no whole/,
      );
      await Deno.remove(`${folder}/sst2/${name}`);
      await expect(readGlueTask(folder, "sst2")).rejects.toThrow(/holds validation files, but no train-\*\.parquet/);
    });
  });
});
