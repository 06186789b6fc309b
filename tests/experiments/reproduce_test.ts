import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { METHODS } from "../../experiments/recipes/methods.ts";
import { GLUE_TASKS } from "../../lib/data/mod.ts";
import { hashSpec, lockFolder, parseSpec } from "../../lib/experiment/mod.ts";
import { hasSharedData, sharedData } from "../data/shared_data.ts";
import { filesUnder } from "../experiment/samples.ts";
import { testFolder } from "../support/folder.ts";
import { testDevice } from "../support/device.ts";
import { rowsOf, valuesOf } from "./records.ts";
import { runTask, type TaskResult } from "./run_task.ts";

const STEPS = 4;
const ARGS = ["glue", "--tasks", "cola", "--seeds", "1", "--steps", String(STEPS)];
const FILES = ["curves.arrow", "report.md", "report.svg", "runs.arrow", "specs.json"];

describe("deno task reproduce glue", () => {
  const folder = testFolder();
  let human: TaskResult;
  let machine: TaskResult;
  const [a, b] = ["a", "b"];
  const path = (name: string) => `${folder}/${name}`;

  beforeAll(async () => {
    human = await runTask("reproduce", [...ARGS, "--out", path(a)]);
    machine = await runTask("reproduce", [...ARGS, "--out", path(b), "--force", "--json"]);
  });

  it("prints the methods' table, K with the count of writes, the papers' rows, and what is comparable", () => {
    expect(human.code).toBe(0);
    const { stdout } = human;
    for (const method of METHODS) expect(stdout).toMatch(new RegExp(`^\\| ${method} +\\| +-?\\d+\\.\\d \\|`, "m"));
    expect(stdout).toContain("| method      | cola (Matthews) | trained parameters | steps/s |");
    expect(stdout).toContain("One run each, seed 0, in per cent; dev split; last checkpoint.");
    expect(stdout).toMatch(/delta-lora: K = 1 of 4 steps, λ = [\d.]+; W was written 2 times in each run\./);
    expect(stdout).toContain('("?": as recalled; check with the paper)');
    expect(stdout).toMatch(/\| delta-lora \| Delta-LoRA paper \| +63\.82 \? \|/);
    expect(stdout).toMatch(/\| lora +\| LoRA paper +\| 63\.4±1\.2 \|/);
    expect(stdout).toContain("Not comparable with the papers");
    expect(stdout).toContain(`written: ${path(a)}/runs.arrow`);
  });

  it("says beforehand which device computes, what will run, and for how long", async () => {
    const { report } = await testDevice();
    expect(human.stdout).toContain(`device: ${report.name} (${report.source})`);
    expect(human.stdout).toContain(`runs: 5 = cola × ${METHODS.join(", ")} × 1 seed; 0 of them recorded`);
    expect(human.stdout).toMatch(/^time: up to [\d.]+ (s|min).*, up to 16 runs in one program$/m);
  });

  it("writes at most four plain lines a run on standard error where it is no terminal", () => {
    for (const { stderr } of [human, machine]) {
      METHODS.forEach((method, i) => {
        const own = stderr.split("\n").filter((line) => line.startsWith(`[${i + 1}/5] cola ${method} seed 0`));
        expect(own.length).toBeLessThanOrEqual(4);
        expect(own.at(-1)).toMatch(/: Matthews -?\d+\.\d/);
      });
      // deno-lint-ignore no-control-regex -- what draws on terminals is just what must not be here
      expect(stderr).not.toMatch(/[\x1b\r]/);
    }
  });

  it("writes records, tables, specs and report, and nothing half-written", async () => {
    const specs: unknown[] = JSON.parse(await Deno.readTextFile(`${path(a)}/specs.json`));
    const runs = await Promise.all(specs.map(async (spec) => `runs/${await hashSpec(parseSpec(spec))}.arrow`));
    expect(filesUnder(path(a))).toEqual([...FILES, ...runs].sort());
    expect(await Deno.readTextFile(`${path(a)}/report.md`)).toContain("Made by `deno task reproduce glue --tasks cola");
    expect(await Deno.readTextFile(`${path(a)}/report.svg`)).toMatch(
      /^<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"/,
    );
  });

  it("puts one row a run into runs.arrow and one a step into curves.arrow, in the order of the specs", async () => {
    const { report } = await testDevice();
    const runs = await rowsOf(`${path(a)}/runs.arrow`);
    expect(runs.map(({ method }) => method)).toEqual([...METHODS]);
    for (const run of runs) {
      expect(await hashSpec(parseSpec(JSON.parse(run.spec as string)))).toBe(run.hash);
      expect(run).toMatchObject({ status: "finished", task: "cola", seed: 0n, steps: STEPS, error: null });
      expect(run.score).toBe(run.matthewsCorrelation);
      for (const name of ["wallSeconds", "stepsPerSecond", "peakBytes", "trainableParameters", "totalParameters"]) {
        expect(run[name]).toBeGreaterThan(0);
      }
      expect(run.writes).toBe(run.method === "delta-lora" ? STEPS - 2 : 0);
      expect(run.device).toContain(report.name);
      expect(run.kernels).toContain("matmul");
      expect(run.versions).toContain(Deno.version.deno);
    }
    const curves = await rowsOf(`${path(a)}/curves.arrow`);
    expect(curves.map(({ method, step }) => `${method} ${step}`))
      .toEqual(METHODS.flatMap((method) => Array.from({ length: STEPS }, (_, step) => `${method} ${step}`)));
  });

  it("gives the same bits in every metric and every curve when it is called twice", async () => {
    const [runs, curves] = await valuesOf(path(a));
    expect([runs.length, curves.length]).toEqual([METHODS.length, METHODS.length * STEPS]);
    expect(await valuesOf(path(b))).toEqual([runs, curves]);
  });

  it("writes with --json one document on standard output, and all else on standard error", async () => {
    expect(machine.code).toBe(0);
    expect(machine.stdout.trimEnd().split("\n")).toHaveLength(1);
    const { experiment, failed, files, runs } = JSON.parse(machine.stdout);
    expect([experiment, failed]).toEqual(["glue", 0]);
    expect(files.map((file: string) => file.replace(`${path(b)}/`, "")).sort())
      .toEqual(FILES.filter((name) => name !== "specs.json"));
    const rows = await rowsOf(`${path(b)}/runs.arrow`);
    expect(runs.map(({ hash, score }: { hash: string; score: number }) => [hash, score]))
      .toEqual(rows.map(({ hash, score }) => [hash, score]));
    for (const line of ["device: ", "runs: ", "data: generated texts of the suite, for its own encoder\n", "time: "]) {
      expect(machine.stderr).toContain(line);
    }
  });

  it("runs nothing that is recorded, sets a damaged record aside, and repeats that run to the same values", async () => {
    const before = await valuesOf(path(a));
    const [, lora] = await rowsOf(`${path(a)}/runs.arrow`);
    await Deno.truncate(`${path(a)}/runs/${lora.hash}.arrow`, 900);
    const again = await runTask("reproduce", [...ARGS, "--out", path(a)]);
    expect(again.code).toBe(0);
    expect(again.stdout).toContain("4 of them recorded");
    expect(again.stderr).toContain(`runs/${lora.hash}.arrow is damaged, set aside and made again: `);
    expect(again.stderr).toContain("[2/5] cola lora seed 0: Matthews");
    expect(again.stderr).not.toContain("[3/5]");
    expect(filesUnder(`${path(a)}/runs`)).toContain(`${lora.hash}.arrow.damaged`);
    expect(await valuesOf(path(a))).toEqual(before);

    const third = await runTask("reproduce", [...ARGS, "--out", path(a)]);
    expect(third.stdout).toContain("nothing is left to run");
    expect(third.stderr).not.toContain("[");
    const table = (text: string) => text.slice(text.indexOf("| method"));
    expect(table(third.stdout)).toBe(table(again.stdout));
  });

  it("only says with --dry-run what would run, for all tasks, and writes nothing", async () => {
    const args = ["glue", "--tasks", "all", "--methods", "lora", "--seeds", "2", "--steps", "3", "--dry-run"];
    const { code, stdout } = await runTask("reproduce", [...args, "--json", "--out", path("dry")]);
    expect(code).toBe(0);
    const { specs, open, seconds } = JSON.parse(stdout);
    expect(new Set(specs.map(({ task }: { task: string }) => task))).toEqual(new Set(Object.keys(GLUE_TASKS)));
    expect([specs.length, open]).toEqual([18, 18]);
    expect(seconds).toBeGreaterThan(0);
    expect(filesUnder(folder).filter((name) => name.startsWith("dry"))).toEqual([]);
  });

  it("explains every flag with --help", async () => {
    const { code, stdout, stderr } = await runTask("reproduce", ["glue", "--help"]);
    expect([code, stderr]).toEqual([0, ""]);
    const flags = "scale model revision offline data tasks methods seeds first-seed steps learning-rate start-step " +
      "checkpoint start out save-every device force dry-run json help";
    for (const flag of flags.split(" ")) {
      expect(stdout).toMatch(new RegExp(`^  --${flag}\\b`, "m"));
    }
  });

  const there = hasSharedData("glue/RTE");
  (there ? it : it.skip)(`trains on GLUE's own RTE to its table${there ? "" : " (skipped: no files)"}`, async () => {
    const data = decodeURIComponent(new URL("glue", sharedData).pathname);
    const args = ["glue", "--data", data, "--tasks", "rte", "--methods", "lora", "--seeds", "1", "--steps", "3"];
    const { code, stdout } = await runTask("reproduce", [...args, "--out", path("rte")]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/\| lora +\| +\d+\.\d \|/);
    expect(stdout).toContain("Only roughly comparable with the papers: the data are GLUE's own");
    const [{ spec, trainableParameters }] = await rowsOf(`${path("rte")}/runs.arrow`);
    expect(JSON.parse(spec as string).data).toMatchObject({ source: "folder", examples: 2490 });
    expect(trainableParameters).toBeGreaterThan(0);
    expect(await Deno.readTextFile(`${path("rte")}/report.md`)).toContain("data: GLUE's files");
  });

  it("refuses a folder in which another process writes", async () => {
    using _lock = await lockFolder(path("busy"));
    const { code, stdout, stderr } = await runTask("reproduce", [...ARGS, "--out", path("busy")]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toBe(
      `reproduce: ${
        path("busy")
      } is in use by another process (process ${Deno.pid}): wait for it, or choose another --out\n`,
    );
  });
});
