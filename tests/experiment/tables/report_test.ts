import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import {
  type PaperTable,
  paperTable,
  report,
  type RunRecord,
  type RunSpec,
  scoreCaption,
  scoreTable,
  settingsLines,
  writeLines,
} from "../../../lib/experiment/mod.ts";
import { failed, finished, sampleSpec } from "../samples.ts";

/** A run with its score. */
function scored(task: string, name: string, seed: number, accuracy: number, parts: Partial<RunSpec> = {}): RunRecord {
  return finished(sampleSpec({ task, seed, metric: "accuracy", method: { name }, ...parts }), {
    metrics: { accuracy },
  });
}

/** Cells of a Markdown table, row by row, without the line of dashes. */
function cells(table: string): string[][] {
  const rows = table.split("\n").map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  return rows.filter((_, i) => i !== 1);
}

const deltaLora = (writes: number, parts: Partial<RunSpec> = {}): RunRecord =>
  finished(
    sampleSpec({ method: { name: "delta-lora", startStep: 20, lambda: 0.5 }, steps: 80, ...parts }),
    { writes },
  );

const PAPER: readonly PaperTable[] = [
  { method: "lora", source: "a paper", figures: { rte: ["86.6±.7", "published"], cola: ["63.17", "recalled"] } },
];
const TEXT = { title: "GLUE", command: "deno task reproduce glue --steps 4", comparable: "Not comparable." };

describe("scoreTable()", () => {
  it("has a row a method and a column a task: mean ± sample deviation in per cent", () => {
    const records = [
      scored("rte", "lora", 0, 0.5),
      scored("rte", "lora", 1, 0.6),
      scored("sst2", "lora", 0, 0.9),
      scored("sst2", "lora", 1, 0.9),
    ];
    expect(cells(scoreTable(records))).toEqual([
      ["method", "rte (accuracy)", "sst2 (accuracy)", "average", "trained parameters", "steps/s"],
      ["lora", "55.0 ± 7.1", "90.0 ± 0.0", "72.5", "15,650", "40.5"],
    ]);
  });

  it("gives MNLI's mismatched examples a column beside MNLI's, which is not in the average", () => {
    const mnli = finished(sampleSpec({ task: "mnli", metric: "accuracy" }), {
      metrics: { accuracy: 0.5, mismatchedAccuracy: 0.25 },
    });
    expect(cells(scoreTable([mnli, scored("rte", "lora", 0, 0.7)]))).toEqual([
      ["method", "mnli (accuracy)", "mnli-mm (accuracy)", "rte (accuracy)", "average", "trained parameters", "steps/s"],
      ["lora", "50.0", "25.0", "70.0", "60.0", "15,650", "40.5"],
    ]);
  });

  it("names each task's metric", () => {
    const record = finished(sampleSpec({ task: "cola", metric: "matthewsCorrelation" }));
    expect(cells(scoreTable([record]))[0][1]).toBe("cola (Matthews)");
  });

  it("has no deviation of one seed and no average over one task", () => {
    expect(cells(scoreTable([scored("rte", "lora", 0, 0.5)])))
      .toEqual([["method", "rte (accuracy)", "trained parameters", "steps/s"], ["lora", "50.0", "15,650", "40.5"]]);
  });

  it("says which cells failed, in part or altogether, and averages only whole rows", () => {
    const failure = (task: string, seed: number) =>
      failed(sampleSpec({ task, seed, metric: "accuracy", method: { name: "lora" } }));
    const records = [
      scored("rte", "lora", 0, 0.5),
      failure("rte", 1),
      failure("sst2", 0),
      scored("sst2", "full", 0, 0.25),
    ];
    expect(cells(scoreTable(records)).slice(1)).toEqual([
      ["lora", "50.0 (1 failed)", "failed", "–", "15,650", "40.5"],
      ["full", "–", "25.0", "–", "15,650", "40.5"],
    ]);
  });

  it("is whole where every run failed", () => {
    expect(cells(scoreTable([failed(sampleSpec())]))[1]).toEqual(["lora", "failed", "–", "–"]);
  });

  it("prints a tiny loss of correlation as zero without a sign", () => {
    expect(cells(scoreTable([scored("rte", "lora", 0, -0.0001)]))[1][1]).toBe("0.0");
  });
});

describe("scoreCaption()", () => {
  it("says what the numbers are, for several seeds and for one", () => {
    const records = [scored("rte", "lora", 0, 0.5), scored("rte", "lora", 1, 0.5)];
    expect(scoreCaption(records))
      .toBe("Mean ± sample standard deviation over seeds 0, 1, in per cent; dev split; last checkpoint");
    expect(scoreCaption(records.slice(0, 1))).toBe("One run each, seed 0, in per cent; dev split; last checkpoint");
  });
});

describe("settingsLines()", () => {
  it("names what all tasks share once, and what differs by task, and where runs start", () => {
    const { optimizer } = sampleSpec();
    const start = { task: "mnli", run: "f".repeat(16) };
    const records = [
      scored("mnli", "lora", 0, 0.5, { steps: 100 }),
      scored("rte", "lora", 0, 0.5, { steps: 20, start, optimizer: { ...optimizer, learningRate: 2e-3 } }),
    ];
    expect(settingsLines(records).slice(0, 3)).toEqual([
      "Steps: 100 (mnli), 20 (rte); examples of a batch: 16; most tokens of an example: 16.",
      "Peak rates: lora 0.001 (mnli), 0.002 (rte).",
      "Every method starts from the same encoder (suite-encoder, 2 layers of 64, weights eeeeeeeeeeee), but rte from the " +
      "mnli run of the same method and seed; data: the generated suite.",
    ]);
  });
});

describe("writeLines()", () => {
  it("puts K and the count of writes side by side, once for all tasks and seeds that agree", () => {
    const records = [deltaLora(59), deltaLora(59, { seed: 1 }), deltaLora(59, { task: "rte" }), finished(sampleSpec())];
    expect(writeLines(records)).toEqual([
      "delta-lora: K = 20 of 80 steps, λ = 0.5; W was written 59 times in each run",
    ]);
  });

  it("names λ's schedule, and how many steps lie between restarts where W was written at them", () => {
    const by = (method: RunSpec["method"], writes: number) => finished(sampleSpec({ method, steps: 80 }), { writes });
    const scheduled = { name: "delta-lora", startStep: 20, lambda: 0.5, lambdaSchedule: "rising-linear" };
    const records = [
      by(scheduled, 59),
      by({ name: "relora", interval: 20 }, 4),
      by({ name: "adalora", interval: 2 }, 0),
    ];
    expect(writeLines(records)).toEqual([
      "delta-lora: K = 20 of 80 steps, λ = 0.5 (rising-linear); W was written 59 times in each run",
      "relora: restarts every 20 of 80 steps; W was written 4 times in each run",
    ]);
  });

  it("tells tasks apart whose counts differ, and says where W was never written", () => {
    expect(writeLines([deltaLora(1), deltaLora(0, { task: "rte" })])).toEqual([
      "delta-lora: K = 20 of 80 steps, λ = 0.5; W was written 1 time in each run (cola)",
      "delta-lora: K = 20 of 80 steps, λ = 0.5; W was never written (rte)",
    ]);
    expect(writeLines([deltaLora(0, { steps: 21 })])).toEqual([
      "delta-lora: K = 20 of 21 steps, λ = 0.5; W was never written: there was no step after K",
    ]);
  });

  it("is silent of runs that failed and of methods that leave W alone", () => {
    expect(writeLines([failed(deltaLora(1).spec), finished(sampleSpec())])).toEqual([]);
  });
});

describe("paperTable()", () => {
  it("marks recalled figures with a question mark, and tasks without one with a dash", () => {
    expect(cells(paperTable(PAPER, ["cola", "rte", "sst2"]))).toEqual([
      ["method", "from", "cola", "rte", "sst2"],
      ["lora", "a paper", "63.17 ?", "86.6±.7", "–"],
    ]);
  });
});

describe("report()", () => {
  it("holds command, scores, setting, K with its writes, the papers' figures, what is comparable, and the figure", () => {
    const text = report([deltaLora(59), deltaLora(59, { seed: 1 })], PAPER, TEXT);
    for (
      const part of [
        "# GLUE\n",
        "Made by `deno task reproduce glue --steps 4`.",
        "| delta-lora |",
        "over seeds 0, 1, in per cent; dev split; last checkpoint. Steps: 80; examples of a batch: 16;",
        "from the same encoder (suite-encoder, 2 layers of 64, weights eeeeeeeeeeee)",
        "the generated suite",
        "was not tuned for it",
        "K = 20 of 80 steps, λ = 0.5; W was written 59 times in each run.",
        "63.17 ?",
        "`?`: as recalled; check with the paper.",
        "Not comparable.",
        "Device: some device (loader). Versions: delta-lora 0.1.0.",
        "![Scores and losses](report.svg)",
      ]
    ) expect(text).toContain(part);
    expect(text).not.toContain("Failed:");
  });

  it("lists the runs that failed with their reasons", () => {
    const text = report([finished(sampleSpec()), failed(sampleSpec({ seed: 1 }))], PAPER, TEXT);
    expect(text).toContain("Failed:\n\n- cola lora seed 1: the loss is NaN at step 2\n");
  });

  it("is whole where every run failed", () => {
    const text = report([failed(sampleSpec())], PAPER, TEXT);
    expect(text).toContain("| lora   |          failed |");
    expect(text).toContain("No run finished.");
    expect(text).not.toMatch(/undefined|NaN%/);
  });
});
