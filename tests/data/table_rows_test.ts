import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { type GlueTaskName, readGlueTask } from "../../lib/data/mod.ts";
import { readRows } from "../../lib/data/table/read_rows.ts";
import { hasSharedData, sharedData } from "./shared_data.ts";

describe("readRows()", () => {
  const tasks: [task: GlueTaskName, folder: string, columns: string[]][] = [
    ["mrpc", "MRPC", ["#1 String", "#2 String", "Quality"]],
    ["stsb", "STS-B", ["sentence1", "sentence2", "score"]],
    ["qnli", "QNLI", ["question", "sentence", "label"]],
    ["mnli", "MNLI", ["sentence1", "sentence2", "gold_label"]],
    ["rte", "RTE", ["sentence1", "sentence2", "label"]],
  ];
  for (const [task, folder, columns] of tasks) {
    const there = hasSharedData(`glue/${folder}`);
    (there ? it : it.skip)(
      `takes quotes in GLUE's own ${folder}, of which many begin a field, for text${
        there ? "" : " (skipped: no files)"
      }`,
      async () => {
        const glue = decodeURIComponent(new URL("glue", sharedData).pathname);
        const { train } = await readGlueTask(glue, task);
        const rows = await readRows(`${glue}/${folder}/train.tsv.gz`, columns);
        expect(rows.map(({ cells }) => cells.slice(0, -1)))
          .toEqual(train.map(({ text, text2 }) => text2 === undefined ? [text] : [text, text2]));
      },
    );
  }
});
