import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import type { BenchDocument, ModelResult, PytorchDocument, SteadyResult } from "../../bench/report/document.ts";
import { benchFigure } from "../../bench/report/figure.ts";
import { readPytorch } from "../../bench/report/pytorch.ts";
import { updateReadme, withFigures } from "../../bench/report/readme.ts";
import {
  compileTable,
  enduranceTable,
  kernelTable,
  ratioTable,
  report,
  scalingTable,
  shareTable,
  startupTable,
  steadyTable,
  stepTable,
} from "../../bench/report/tables.ts";
import { cachedStepsTable, decodingParts, decodingTable } from "../../bench/report/decoding_tables.ts";
import { cellsParts, cellsTable, productsTable } from "../../bench/report/cells_tables.ts";
import { digits } from "../../bench/report/format.ts";
import { timingOf } from "../../bench/measure/turns.ts";

const MODEL: ModelResult = {
  model: "small",
  description: "4 layers × 256",
  steps: [
    {
      method: "lora",
      timing: timingOf([100, 120, 110]),
      peakBytes: 3 * 2 ** 20,
      trainableParameters: 12345,
      dispatches: 200,
      kernels: [{ kernel: "matmul_nt", dispatches: 4, seconds: 0.03 }, {
        kernel: "gelu",
        dispatches: 1,
        seconds: 0.01,
      }],
    },
    {
      method: "full",
      timing: timingOf([200, 230, 220]),
      peakBytes: 9.5 * 2 ** 20,
      trainableParameters: 2,
      dispatches: 300,
      kernels: [],
    },
  ],
  ratios: [{ name: "lora / full", best: 0.5, median: 0.52 }],
};

const PYTORCH: PytorchDocument = {
  versions: { torch: "2.0" },
  threads: 2,
  models: [{ model: "small", steps: [{ method: "lora", rounds: [50, 60, 70] }] }],
};

const DOCUMENT: BenchDocument = {
  format: 1,
  machine: {
    processor: "a processor",
    cores: 2,
    memoryBytes: 8 * 2 ** 30,
    system: "linux",
    device: "a device",
    driver: "a driver",
    isSoftware: true,
    subgroupSize: 8,
    versions: ["deno 2"],
  },
  rounds: 3,
  isQuick: false,
  kernels: [{
    name: "matmul nn 512 × 512 × 512",
    unit: "GFLOP/s",
    amount: 2 * 512 ** 3,
    contenders: [
      { name: "ours", timing: timingOf([10, 20, 30]) },
      { name: "theirs", timing: timingOf([40, 40, 80]), difference: 1e-6 },
    ],
  }, {
    name: "softmax 4 × 4",
    unit: "GB/s",
    amount: 4e6,
    contenders: [{ name: "ours", timing: timingOf([1, 2, 4]) }],
  }],
  models: [MODEL],
  pytorch: PYTORCH,
  startup: [{
    caches: "cold",
    total: timingOf([900]),
    imported: timingOf([100]),
    opened: timingOf([300]),
    pipelines: 90,
    slowest: timingOf([500]),
  }],
  compile: [{
    name: "12 layers",
    dispatches: 1234,
    pipelines: 65,
    cold: timingOf([9.5]),
    warm: timingOf([0.8, 0.9, 1]),
  }],
  leftOut: ["somebody: not there"],
  disagreements: [],
};

/** Cells of a table's row that begins with a name. */
function row(table: string, name: string): string[] {
  const line = table.split("\n").find((one) => one.startsWith(`| ${name} `));
  if (!line) throw new Error(`no row ${name} in\n${table}`);
  return line.split("|").slice(1, -1).map((cell) => cell.trim());
}

describe("digits", () => {
  it("shows those that count, but no fraction of hundreds", () => {
    const shown = [1234, 123.4, 12.34, 1.234, 0.1234, 0.001234].map(digits);
    expect(shown).toEqual(["1234", "123", "12.3", "1.23", "0.12", "0.0012"]);
  });
});

describe("kernelTable", () => {
  it("shows the speed of best and median, and how many times as fast ours is", () => {
    const table = kernelTable(DOCUMENT.kernels!);
    // 2 · 512³ operations in 10 ms are 26.8 GFLOP/s
    expect(row(table, "matmul nn")).toEqual([
      "matmul nn 512 × 512 × 512",
      "GFLOP/s",
      "26.8 / 13.4",
      "6.71 / 6.71 (4.00×)",
    ]);
  });

  it("leaves a dash where somebody could not run", () => {
    expect(row(kernelTable(DOCUMENT.kernels!), "softmax")).toEqual(["softmax 4 × 4", "GB/s", "4.00 / 2.00", "–"]);
  });
});

describe("stepTable", () => {
  it("shows times, memory and counts by method", () => {
    expect(row(stepTable(MODEL), "lora")).toEqual(["lora", "100 / 110", "3.00", "12,345", "200"]);
  });

  it("puts PyTorch's times beside those it has, with its best by ours", () => {
    const table = stepTable(MODEL, PYTORCH);
    expect(row(table, "lora").at(-1)).toBe("50.0 / 60.0 (0.50×)");
    expect(row(table, "full").at(-1)).toBe("–");
  });
});

describe("the other tables", () => {
  it("show what a run takes as more of them are trained in one program", () => {
    const plain = { timing: timingOf([10, 12]), ratio: { best: 1, median: 1 }, dispatches: 80, ownBytes: 2 ** 20 };
    const four = { timing: timingOf([28, 32]), ratio: { best: 2.8, median: 2.75 }, dispatches: 90, ownBytes: 2 ** 22 };
    const rows = [plain, { ...four, cells: 4, speed: { best: 1.2, median: 1.1 } }];
    const inStep = timingOf([8, 12]);
    const apart = timingOf([4, 5]);
    const products = [{ cells: 4, dispatches: 9, operations: 16e6, inStep, apart, ratio: { best: 2, median: 2.2 } }];
    const methods = [{ method: "lora", rows, pytorch: timingOf([9, 9]), products }];
    const table = cellsTable({ methods });
    expect(row(table, "lora")).toEqual(
      ["lora", "one, plain", "10.0 / 11.0", "1.00 / 1.00", "10.0 / 11.0", "–", "80", "1.00", "1.00"],
    );
    expect(table.split("\n").at(-1)!.split("|").slice(2, -1).map((cell) => cell.trim())).toEqual(
      ["4", "28.0 / 30.0", "2.80 / 2.75", "7.00 / 7.50", "1.20 / 1.10", "90", "4.00", "1.00"],
    );
    expect(row(productsTable({ methods }), "lora")).toEqual(
      ["lora", "4", "9", "8.00 / 10.0", "4.00 / 4.50", "2.00 / 2.20", "2.00"],
    );
    const pytorch = { versions: { torch: "2.0" }, threads: 2 };
    const result = { description: "2 layers", baseBytes: 2 ** 19, pytorch, methods };
    expect(cellsParts(result).join("\n")).toContain("PyTorch + PEFT (torch 2.0, 2 threads) took turns with these");
    expect(cellsParts({ ...result, pytorch: "there is no python3" })).toContain(
      "Without PyTorch: there is no python3.",
    );
    expect(productsTable({ methods: [{ ...methods[0], products: [] }] })).toBe("");
  });

  it("show how fast texts are written, and what a step takes as its cache fills", () => {
    const transformers = { name: "transformers", timing: timingOf([40, 50]) };
    const contenders = [{ name: "delta-dawn", timing: timingOf([80, 100]) }, transformers];
    const cases = [{ name: "16 texts", rows: 16, contenders }];
    expect(row(decodingTable({ cases }), "16 texts")).toEqual(
      ["16 texts", "80.0 / 90.0", "200 / 178", "400 / 356 (0.50×)"],
    );
    const one = { rows: 16, length: 16, capacity: 64, timing: timingOf([50]), ratio: { best: 1, median: 1 } };
    const steps = [one, { ...one, length: 64, capacity: 128, attention: timingOf([7]), ratio: { best: 2, median: 3 } }];
    expect(row(cachedStepsTable({ steps }), "64")).toEqual(["64", "128", "50.0 / 50.0", "7.00 / 7.00", "2.00 / 3.00"]);
    const times = { inStep: timingOf([40]), apart: timingOf([30]), ratio: { best: 1.3, median: 1.3 } };
    const products = { dispatches: 9, operations: 8e7, ...times, step: { best: 1.25, median: 1.25 } };
    const result = { description: "GPT-2", cases, steps, products, transformers: "there is no python3" };
    const text = decodingParts(result).join("\n");
    expect(text).toContain("Without transformers: there is no python3.");
    expect(text).toContain("9 products take 40.0 / 40.0 ms in it");
    expect(text).toContain("2.00 GFLOP/s: the step takes 1.25 / 1.25 times as long");
    const beside = { ...result, transformers: { versions: { torch: "2.0" }, threads: 2 } };
    expect(decodingParts(beside).join("\n")).toContain("(torch 2.0, 2 threads) took turns with ours");
  });

  it("show ratios by model, and shares of a step's time", () => {
    expect(row(ratioTable([MODEL]), "lora / full")).toEqual(["lora / full", "0.50 / 0.52"]);
    expect(row(shareTable(MODEL, "lora"), "`matmul_nt`")).toEqual(["`matmul_nt`", "4", "30.0", "75.0 %"]);
    expect(shareTable(MODEL, "full")).toBe("");
    expect(row(startupTable(DOCUMENT.startup!), "cold")).toEqual([
      "cold",
      "100 / 100",
      "300 / 300",
      "900 / 900",
      "90",
      "500 / 500",
    ]);
    expect(row(compileTable(DOCUMENT.compile!), "12 layers")).toEqual([
      "12 layers",
      "1,234",
      "65",
      "9.50 / 9.50",
      "0.80 / 0.90",
    ]);
  });
});

describe("the tables of steady state", () => {
  const CASE: SteadyResult = {
    name: "lora",
    steps: 10,
    milliseconds: 50,
    kernelMilliseconds: 48.5,
    gaps: { median: 0.125, longest: 1.25 },
    submissions: 1,
    created: { buffers: 0, pipelines: 2, bindGroups: 31 },
  };

  it("show the share of a step outside its kernels, and what was made", () => {
    const table = steadyTable([CASE, { ...CASE, name: "blind", kernelMilliseconds: undefined, gaps: undefined }]);
    expect(row(table, "lora")).toEqual(["lora", "50.0", "3.00 %", "0.13 / 1.25", "1.00", "0, 2, 31"]);
    expect(row(table, "blind").slice(2, 4)).toEqual(["–", "–"]);
  });

  it("show memory at the first, the middle and the last sample, and its slope", () => {
    const samples = [1, 2, 3].map((i) => ({
      step: 1000 * i,
      liveBytes: 2 ** 20,
      heapBytes: i * 2 ** 20,
      processBytes: 100 * i * 2 ** 20,
    }));
    const table = enduranceTable({ description: "tiny", samples, bytesPerStep: { live: 0, heap: 1048.6, process: 9 } });
    expect(row(table, "MiB after step").slice(1, 4)).toEqual(["1,000", "2,000", "3,000"]);
    expect(row(table, "device, live").slice(1)).toEqual(["1.00", "1.00", "1.00", "0"]);
    expect(row(table, "JavaScript's heap").slice(1)).toEqual(["1.00", "2.00", "3.00", "1049"]);
  });

  it("show time and memory of a token as batches grow", () => {
    const table = scalingTable({
      description: "small",
      baseBytes: 2 ** 20,
      batches: [
        { batch: [4, 32], timing: timingOf([2, 4]), processorMilliseconds: 2.56, peakBytes: 2 * 2 ** 20 },
        { batch: [8, 64], timing: timingOf([6, 6]), processorMilliseconds: 10.24, peakBytes: 3 * 2 ** 20 },
      ],
    });
    // 2 ms for 128 tokens, and 1 MiB; 6 ms for 512, and 2 MiB
    expect(row(table, "4 × 32")).toEqual(["4 × 32", "1.00×", "2.00 / 3.00", "15.6 / 23.4", "20.0", "2.00", "8.00"]);
    expect(row(table, "8 × 64")).toEqual(["8 × 64", "4.00×", "6.00 / 6.00", "11.7 / 11.7", "20.0", "3.00", "4.00"]);
  });
});

describe("report", () => {
  it("names the machine and who was left out, and shows only what was measured", () => {
    const { models: _, pytorch: __, ...rest } = DOCUMENT;
    const text = report({
      ...rest,
      models: [{
        ...MODEL,
        steps: MODEL.steps.map((step) => ({
          ...step,
          method: step.method === "lora" ? "delta-lora, in place" : step.method,
        })),
      }],
    });
    expect(text).toContain("a processor, 2 cores, 8.00 GiB, linux. Device: a device, in software, subgroups of 8");
    expect(text).toContain("- somebody: not there");
    expect(text).toContain("### Start-up");
    expect(text).not.toContain("### The same step elsewhere");
    expect(text).not.toContain("PyTorch");
  });
});

describe("benchFigure", () => {
  it("draws kernels by unit and steps by model", () => {
    const svg = benchFigure(DOCUMENT);
    expect(svg).toMatch(/^<svg xmlns=/);
    for (const label of ["GFLOP/s", "GB/s", "ms a step, small", "matmul nn 512", "ours", "theirs"]) {
      expect(svg).toContain(label);
    }
  });

  it("refuses a run of nothing but start-up", () => {
    const { kernels: _, models: __, ...rest } = DOCUMENT;
    expect(() => benchFigure(rest)).toThrow("cannot draw a run without kernels and steps");
  });
});

describe("the README of bench", () => {
  it("takes other figures between its marks, as often as one likes", async () => {
    const readme = await Deno.readTextFile(new URL("../../bench/README.md", import.meta.url));
    const once = withFigures(readme, "figures of Monday");
    const twice = withFigures(once, "figures of Tuesday");
    expect(once).toContain("\n\nfigures of Monday\n\n");
    expect(twice).not.toContain("Monday");
    expect(twice.replace("Tuesday", "Monday")).toBe(once);
    expect(twice.slice(0, 200)).toBe(readme.slice(0, 200));
  });

  it("is written with its plots beside it, and again to the same text", async () => {
    const folder = new URL(`file://${await Deno.makeTempDir()}/`);
    await Deno.copyFile(new URL("../../bench/README.md", import.meta.url), new URL("README.md", folder));
    const document = { ...DOCUMENT, models: undefined };
    const written = async () => {
      await updateReadme(folder, document);
      return await Promise.all(["README.md", "figures.svg"].map((name) => Deno.readTextFile(new URL(name, folder))));
    };
    const [readme, figure] = await written();
    expect(readme).toContain("| matmul nn 512 × 512 × 512 | GFLOP/s | 26.8 / 13.4 |");
    expect(readme).toContain("(figures.svg)");
    expect(figure).toContain("matmul nn 512");
    expect(await written()).toEqual([readme, figure]);
    await Deno.remove(folder, { recursive: true });
  });

  it("is left alone where the marks are gone", () => {
    expect(() => withFigures("# How fast", "figures")).toThrow("cannot update a README without the marks");
  });
});

describe("readPytorch", () => {
  it("reads what the script writes, and names a file that is something else", async () => {
    const path = await Deno.makeTempFile({ suffix: ".json" });
    await Deno.writeTextFile(path, JSON.stringify(PYTORCH));
    expect(await readPytorch(path)).toEqual(PYTORCH);
    await Deno.writeTextFile(path, JSON.stringify({ models: [] }));
    await expect(readPytorch(path)).rejects.toThrow(`cannot read ${path}`);
    await Deno.remove(path);
    await expect(readPytorch(path)).rejects.toThrow("python bench/pytorch_peft.py --out FILE writes one");
  });
});
