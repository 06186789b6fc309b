import { expect } from "expect";
import { describe, it } from "@std/testing/bdd";
import { lockFlags } from "../../experiments/runner/locked.ts";
import { byKernel, profileFigure, profileTable } from "../../bench/profile.ts";
import type { DispatchTime } from "../../lib/compile/inspect_mod.ts";

const ROOFLINE = { gflopsPerSecond: 10, gigabytesPerSecond: 1, dispatchSeconds: 1e-5 };

const dispatch = (kernel: string, rest: Partial<DispatchTime>): DispatchTime => (
  { kernel, grid: [1, 1, 1], runs: 1, bytes: 0, operations: 0, seconds: 0, ...rest }
);

/** A product at half of its peak, twice; a copy at its own; something small that takes as long as it must. */
const DISPATCHES = [
  dispatch("product", { operations: 1e8, bytes: 1e6, seconds: 0.02 }),
  dispatch("copy", { bytes: 1e7, seconds: 0.01 }),
  dispatch("product", { operations: 1e8, bytes: 1e6, seconds: 0.02 }),
  dispatch("scalar", { bytes: 8, seconds: 1e-5 }),
];

describe("byKernel", () => {
  it("adds dispatches up and says how near to which peak they are, the longest first", () => {
    expect(byKernel(DISPATCHES, ROOFLINE)).toEqual([
      {
        kernel: "product",
        dispatches: 2,
        seconds: 0.04,
        operations: 2e8,
        bytes: 2e6,
        efficiency: 0.5,
        boundBy: "arithmetic",
      },
      { kernel: "copy", dispatches: 1, seconds: 0.01, operations: 0, bytes: 1e7, efficiency: 1, boundBy: "memory" },
      { kernel: "scalar", dispatches: 1, seconds: 1e-5, operations: 0, bytes: 8, efficiency: 1, boundBy: "dispatch" },
    ]);
  });
});

describe("profileTable", () => {
  it("shows rates and shares, and a dash where something took no time", () => {
    const cells = (line: string) => line.split("|").slice(1, -1).map((cell) => cell.trim());
    const [head, , ...rows] = profileTable(byKernel([...DISPATCHES, dispatch("quick", { bytes: 4 })], ROOFLINE))
      .split("\n").map(cells);
    expect(head).toEqual(["kernel", "dispatches", "ms", "share", "GFLOP/s", "GB/s", "of peak", "bound by"]);
    expect(rows[0]).toEqual(["product", "2", "40.0", "80.0 %", "5.00", "0.050", "50 %", "arithmetic"]);
    expect(rows[1]).toEqual(["copy", "1", "10.0", "20.0 %", "–", "1.00", "100 %", "memory"]);
    expect(rows[3]).toEqual(["quick", "1", "0.0", "0.0 %", "–", "–", "–", "dispatch"]);
  });
});

describe("profileFigure", () => {
  it("draws a bar for each kernel, and in the colour of what bounds it what it would take at best", () => {
    const svg = profileFigure("a step", byKernel(DISPATCHES, ROOFLINE));
    for (const label of ["a step", "product", "copy", "bound by arithmetic", "ms a step"]) expect(svg).toContain(label);
    expect(svg.match(/<rect/g)!.length).toBeGreaterThanOrEqual(2 * 3);
  });
});

describe("deno task profile", () => {
  const profile = async (...args: string[]) => {
    const script = new URL("../../bench/profile.ts", import.meta.url).href;
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", ...lockFlags(), "--allow-all", script, ...args],
      env: { NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder();
    return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
  };

  it("writes peaks, dispatches and memory as one JSON document, and the figure", async () => {
    const path = await Deno.makeTempFile({ suffix: ".svg" });
    const { code, stdout } = await profile("--model", "tiny", "--rounds", "1", "--json", "--out", path);
    expect(code).toBe(0);
    const { clock, roofline, kernels, memory, stepSeconds } = JSON.parse(stdout);
    expect(["timestamps", "difference"]).toContain(clock);
    for (const peak of Object.values(roofline)) expect(peak).toBeGreaterThan(0);
    expect(stepSeconds).toBeGreaterThan(0);
    expect(kernels.map(({ kernel }: { kernel: string }) => kernel).join()).toContain("matmul");
    expect(memory.name).toBe("step");
    expect(memory.items.find(({ path }: { path: string[] }) => path.join(".").startsWith("state.base.bert")))
      .toBeTruthy();
    expect(await Deno.readTextFile(path)).toMatch(/^<svg .*lora on tiny/);
    await Deno.remove(path);
  });

  it("prints the plan, the table and the memory", async () => {
    const { code, stdout } = await profile("--model", "tiny", "--rounds", "1");
    expect(code).toBe(0);
    for (
      const part of ["lora on tiny", "peaks: ", "MFLOP in products", "| bound by", "while a call runs", "state.base"]
    ) {
      expect(stdout).toContain(part);
    }
  });

  it("profiles the step that train would take by the same flags, and says of what parts of a spec it is", async () => {
    const flags = [
      "--method",
      "adalora",
      "--rank",
      "4",
      "--batch",
      "2",
      "--max-length",
      "16",
      "--accumulate",
      "2",
    ];
    const { code, stdout } = await profile(
      "--model",
      "tiny",
      "--rounds",
      "1",
      "--json",
      ...flags,
      "--optimizer",
      "sgd",
    );
    expect(code).toBe(0);
    const { method, spec, memory } = JSON.parse(stdout);
    expect([method, spec.method]).toMatchObject(["adalora", { name: "adalora", targetRank: 4, initialRank: 6 }]);
    expect(spec).toMatchObject({
      optimizer: { name: "sgd", schedule: "linear" },
      model: { length: 16 },
      batchSize: 2,
      accumulate: 2,
    });
    const part = (index: string) =>
      memory.items.filter(({ path }: { path: string[] }) => path[0] === "batch" && path[1] === index);
    expect([part("0").length, part("1").length, part("2").length]).toEqual([4, 4, 0]);
  });

  it("takes a model of a folder, its matrices in f16", async () => {
    const { code, stdout } = await profile("--model", "suite", "--weights", "f16", "--rounds", "1", "--batch", "2");
    expect(code).toBe(0);
    for (const part of ["lora on suite", "2 layers × 64", "batch 2 × 64, weights in f16, the model's dropout"]) {
      expect(stdout).toContain(part);
    }
  });

  it("ends with one line on standard error and code 1 where an argument is wrong", async () => {
    const wrong: [args: string[], message: string][] = [
      [["--method", "magic"], 'unknown method "magic"'],
      [["--model", "nowhere"], "cannot find nowhere at main"],
      [["--model", "tiny", "--max-length", "65"], "--max-length 65 is more than tiny has positions for: 64"],
      [
        ["--model", "tiny", "--method", "full", "--weights", "f16"],
        "--weights f16 is for weights that stay as they are",
      ],
      [["--model", "tiny", "--lambda", "1"], "--lambda is nothing of method lora"],
    ];
    for (const [args, message] of wrong) {
      const { code, stderr } = await profile(...args);
      expect([code, stderr.trim().split("\n").length]).toEqual([1, 1]);
      expect(stderr).toContain(`profile: ${message}`);
    }
  });
});
