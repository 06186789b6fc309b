import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { hashSpec, parseSpec } from "../../lib/experiment/mod.ts";
import { filesUnder } from "../experiment/samples.ts";
import { testFolder } from "../support/folder.ts";
import { rowsOf, valuesOf } from "./records.ts";
import { runTask, type TaskResult } from "./run_task.ts";

describe("deno task reproduce ablations", () => {
  const ARGS = [
    "ablations",
    "--only",
    "dropout,seeds",
    "--tasks",
    "cola",
    "--seeds",
    "2",
    "--many-seeds",
    "3",
    "--sweep-seeds",
    "1",
  ];
  const SHORT = [...ARGS, "--steps", "4"];
  const folder = testFolder();
  let first: TaskResult;
  beforeAll(async () => {
    first = await runTask("reproduce", [...SHORT, "--out", `${folder}/a`, "--parquet"]);
  });

  it("runs the sweep and two studies, and writes their tables, figures and findings", async () => {
    expect(first.code).toBe(0);
    // 4 rates × 2 methods; 4 conditions × 2 seeds, of which the study of seeds has 2 more.
    expect(first.stdout).toContain("runs: 18 = 8 to choose learning rates, 10 of 2 studies; 0 of them recorded");
    const runs = await rowsOf(`${folder}/a/runs.arrow`);
    expect(runs.map(({ status }) => status)).toEqual(new Array(18).fill("finished"));
    const specs: unknown[] = JSON.parse(await Deno.readTextFile(`${folder}/a/specs.json`));
    const hashes = await Promise.all(specs.map((spec) => hashSpec(parseSpec(spec))));
    expect(runs.map(({ hash }) => hash)).toEqual(hashes);
    const files = ["ablations.md", "dropout.svg", "seeds.svg", "runs.parquet", "curves.parquet", "curves.arrow"];
    expect(filesUnder(`${folder}/a`)).toEqual(expect.arrayContaining(files));
    const report = await Deno.readTextFile(`${folder}/a/ablations.md`);
    for (
      const part of ["## Dropout in the branch", "![Seeds: how many", "**Findings.**", "dev split; last checkpoint"]
    ) {
      expect(report).toContain(part);
    }
    for (const name of ["dropout", "seeds"]) {
      expect(await Deno.readTextFile(`${folder}/a/${name}.svg`)).toMatch(/^<svg [^]*<\/svg>\n$/);
    }
  });

  it("runs nothing that is recorded, goes on with what is missing, and ends with the same values and report", async () => {
    const before = await valuesOf(`${folder}/a`);
    const report = await Deno.readTextFile(`${folder}/a/ablations.md`);
    const again = await runTask("reproduce", [...SHORT, "--out", `${folder}/a`, "--parquet"]);
    expect([again.code, again.stderr]).toEqual([0, ""]);
    expect(again.stdout).toContain("18 of them recorded");
    expect(again.stdout).toContain("nothing is left to run");
    expect(await Deno.readTextFile(`${folder}/a/ablations.md`)).toBe(report);

    const [{ hash: swept }] = await rowsOf(`${folder}/a/runs.arrow`);
    await Deno.remove(`${folder}/a/runs/${swept}.arrow`);
    const third = await runTask("reproduce", [...SHORT, "--out", `${folder}/a`, "--json", "--parquet"]);
    expect(third.code).toBe(0);
    expect(third.stderr.match(/^\[\d+\/8\] .*: Matthews/gm)).toHaveLength(1);
    expect(await valuesOf(`${folder}/a`)).toEqual(before);
    const { experiment, failed, runs, studies, rates } = JSON.parse(third.stdout);
    expect([experiment, failed, runs.length, rates.length]).toEqual(["ablations", 0, 18, 2]);
    expect(studies.map(({ name }: { name: string }) => name)).toEqual(["dropout", "seeds"]);
    expect(report).toContain(studies[0].findings);
  });

  it("says with --dry-run what each study would run, and writes nothing", async () => {
    const { code, stdout } = await runTask("reproduce", [...SHORT, "--out", `${folder}/dry`, "--dry-run"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/\| seeds +\| +2 \| +6 \| +2 \|/);
    // Rates are chosen first: the sweep's runs share no program with the studies', which are not known before.
    const told = stdout.slice(stdout.indexOf("programs: 18 runs"));
    expect(told.match(/^ {2}[a-z-]+ on cola: \d cells/gm)?.map((line) => line.trim())).toEqual(
      [4, 3, 2].flatMap((cells) => ["lora", "delta-lora"].map((method) => `${method} on cola: ${cells} cells`)),
    );
    expect(filesUnder(folder).filter((name) => name.startsWith("dry"))).toEqual([]);
  });

  it("names the nearest study where one is unknown", async () => {
    const { code, stderr } = await runTask("reproduce", ["ablations", "--only", "lamda"]);
    expect(code).toBe(1);
    expect(stderr).toContain('unknown study "lamda": did you mean "lambda"?');
  });
});
