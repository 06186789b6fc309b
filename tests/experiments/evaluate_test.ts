import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { generateSuite, SUITE_SEED } from "../../experiments/suite/mod.ts";
import { readGlueFiles } from "../../lib/data/mod.ts";
import { pearson } from "../../lib/metrics/mod.ts";
import { writeSuiteModel } from "../../experiments/suite/suite_folder.ts";
import { testFolder } from "../support/folder.ts";
import { runTask, STACK } from "./run_task.ts";

/** Sentence pairs of the suite with scores, as JSON lines. */
async function scoredPairs(count: number): Promise<{ text: string; labels: number[] }> {
  const { train } = await readGlueFiles(generateSuite(SUITE_SEED), "stsb");
  const rows = train.slice(0, count);
  const lines = rows.map(({ text, text2, label }) => JSON.stringify({ first: text, second: text2, like: label }));
  return { text: lines.map((line) => `${line}\n`).join(""), labels: rows.map(({ label }) => label) };
}

describe("deno task evaluate", () => {
  const folder = testFolder();
  let model: string[];
  const rowsOf = (name: string): number[][] =>
    Deno.readTextFileSync(`${folder}/${name}`).trimEnd().split("\n").map((line) => JSON.parse(line));
  const run = async (task: string, args: readonly string[]) => {
    const { code, stdout, stderr } = await runTask(task, args);
    expect([code, stderr.match(STACK)]).toEqual([0, null]);
    return JSON.parse(stdout);
  };

  beforeAll(async () => {
    await writeSuiteModel(`${folder}/model`);
    model = ["--model", `${folder}/model`];
  });

  it("scores both of MNLI's sets as the training did, and writes their logits row by row", async () => {
    const out = `${folder}/mnli`;
    const task = ["--task", "mnli", "--data", "suite"];
    const trained = await run("train", [
      ...[...model, ...task, "--method", "rslora", "--steps", "3", "--warmup", "0", "--learning-rate", "0.01"],
      ...["--out", out, "--json"],
    ]);
    const logits = `${folder}/mnli.jsonl`;
    const { metrics, examples } = await run("evaluate", [...model, "--adapter", out, ...task, "--logits", logits]);
    expect(Object.keys(metrics)).toEqual(["dev", "mismatched"]);
    expect(metrics).toEqual(trained.metrics);
    const { dev, mismatched } = await readGlueFiles(generateSuite(SUITE_SEED), "mnli");
    expect(examples).toEqual({ dev: dev.length, mismatched: mismatched!.length });
    const rows = rowsOf("mnli.jsonl");
    expect(rows).toHaveLength(dev.length + mismatched!.length);
    const right = dev.filter(({ label }, i) => rows[i].indexOf(Math.max(...rows[i])) === label);
    expect(metrics.dev.accuracy).toBe(right.length / dev.length);
  });

  it("scores a file of JSON lines with scores, whole model and all, as the training did", async () => {
    const { text, labels } = await scoredPairs(50);
    const file = `${folder}/pairs.jsonl`;
    await Deno.writeTextFile(file, text);
    const columns = ["--columns", "first,second,like", "--data", file];
    const trained = await run("train", [
      ...[...model, ...columns, "--eval-data", file, "--method", "full", "--learning-rate", "1e-3", "--epochs", "1"],
      ...["--shuffle", "false", "--no-decay-bias", "--out", `${folder}/full`, "--json"],
    ]);
    expect(trained.spec.steps).toBe(4);
    const { task, metrics } = await run("evaluate", [
      ...["--model", `${folder}/full`, ...columns, "--logits", `${folder}/pairs.logits`],
    ]);
    expect(task).toBe("columns");
    expect(metrics).toEqual(trained.metrics);
    const rows = rowsOf("pairs.logits");
    expect(rows.every((row) => row.length === 1)).toBe(true);
    expect(metrics.dev.pearson).toBe(pearson(rows.map(([score]) => score), labels));
    expect(JSON.parse(await Deno.readTextFile(`${folder}/full/config.json`))).toMatchObject({
      architectures: ["BertForSequenceClassification"],
      problem_type: "regression",
      id2label: { 0: "LABEL_0" },
    });
  });

  it("refuses what is wrong in one line that names it", async () => {
    const wrong: [args: string[], message: string][] = [
      [["--task", "rte", "--data", "suite"], "--model is missing"],
      [
        [...model, "--task", "rte"],
        "--task rte needs its data: --data DIR, a folder with GLUE's files, or --data suite",
      ],
      [[...model], "what is to be learned is missing: --task NAME, or --columns and --data"],
      [[...model, "--task", "rte", "--data", "suite"], "has no head for this task: it lacks bert.pooler.dense.weight"],
      [
        [...model, "--task", "rte", "--data", "suite", "--adapter", `${folder}/none`],
        `cannot read ${folder}/none/adapter_config.json`,
      ],
      [
        [...model, "--task", "rte", "--data", `${folder}/none`],
        `there is no folder ${folder}/none/RTE`,
      ],
      [[...model, "--columns", "a,b", "--data", `${folder}/none.tsv`], `Cannot read ${folder}/none.tsv`],
      [
        [...model, "--task", "rte", "--data", "suite", "--logit", "x"],
        "unknown flag --logit: did you mean --logits? See --help",
      ],
      [
        ["--model", `${folder}/nothing`, "--task", "rte", "--data", "suite"],
        `cannot find a model at ${folder}/nothing`,
      ],
    ];
    for (const [args, message] of wrong) {
      const { code, stdout, stderr } = await runTask("evaluate", args);
      expect([args, code, stdout]).toEqual([args, 1, ""]);
      expect(stderr).toContain(message);
      expect(stderr.trimEnd()).toMatch(/^evaluate: .+$/);
    }
  });
});
