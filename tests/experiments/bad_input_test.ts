import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { SUITE_ENCODER } from "../../experiments/suite/encoder.ts";
import { loadSafetensors, saveSafetensors } from "../../lib/io/mod.ts";
import { tensor } from "../../lib/tensor/mod.ts";
import { filesUnder } from "../experiment/samples.ts";
import { testFolder } from "../support/folder.ts";
import { rowsOf } from "./records.ts";
import { ROOT, runTask, STACK } from "./run_task.ts";

const GRID = ["--tasks", "rte", "--methods", "lora", "--seeds", "1", "--steps", "2"];

/** A copy of what runs, so that parts of it can be broken. */
async function copyProject(to: string): Promise<URL> {
  for (
    const name of ["deno.json", "deno.lock", "mod.ts", "lib", "kernels", "experiments", "tools", ".jsr"]
  ) {
    const { success } = await new Deno.Command("cp", { args: ["-r", new URL(name, ROOT).pathname, to] }).output();
    expect(success).toBe(true);
  }
  return new URL(`file://${to}/`);
}

describe("deno task reproduce with bad input", () => {
  const folder = testFolder();
  const rows = "0\tIt rains.\tIt is wet.\tentailment\n1\tIt rains.\tIt is dry.\tnot_entailment\n";
  const header = "index\tsentence1\tsentence2\tlabel\n";

  /** A folder in GLUE's layout with such a train file. */
  async function data(name: string, train: string): Promise<string> {
    await Deno.mkdir(`${folder}/${name}/RTE`, { recursive: true });
    await Deno.writeTextFile(`${folder}/${name}/RTE/train.tsv`, train);
    await Deno.writeTextFile(`${folder}/${name}/RTE/dev.tsv`, header + rows);
    return `${folder}/${name}`;
  }

  /** Expects one line on standard error, nothing on standard output, and no folder of records. */
  async function expectRefusal(args: readonly string[], message: string): Promise<void> {
    const out = `${folder}/out`;
    const { code, stdout, stderr } = await runTask("reproduce", [...args, "--out", out]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^reproduce: .+\n$/);
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(STACK);
    expect(filesUnder(folder).filter((name) => name.startsWith("out/"))).toEqual([]);
  }

  const wrong: [args: string[], message: string][] = [
    [[], "what is to be reproduced is missing: deno task reproduce glue"],
    [["gleu"], 'unknown experiment "gleu": did you mean "glue"?'],
    [["glue", "rte"], 'unexpected argument "rte": see --help'],
    [["glue", "--tasks", "colla"], 'unknown task "colla": did you mean "cola"? There are cola, sst2, mrpc, stsb, rte'],
    [["glue", "--methods", "lora,deltalora"], 'unknown method "deltalora": did you mean "delta-lora"?'],
    [["glue", "--step", "4"], "unknown flag --step: did you mean --steps? See --help"],
    [["glue", "--steps", "many"], '--steps is a whole number from 1, not "many"'],
    [["glue", "--seeds", "0"], '--seeds is a whole number from 1, not "0"'],
    [["glue", "--first-seed=-1"], '--first-seed is a whole number from 0, not "-1"'],
    [["glue", "--learning-rate", "0"], '--learning-rate is a number above 0, not "0"'],
    [["glue", "--learning-rate", "fast"], '--learning-rate is a number above 0, not "fast"'],
    [["glue", "--steps=1.5"], '--steps is a whole number from 1, not "1.5"'],
    [["glue", "--methods"], "--methods needs a value: see --help"],
    [["glue", "--force=yes"], "--force takes no value: see --help"],
  ];
  for (const [args, message] of wrong) {
    it(`refuses ${["reproduce", ...args].join(" ")}`, () => expectRefusal(args, message));
  }

  it("names the folder and the file that data lack", async () => {
    await expectRefusal(["glue", ...GRID, "--data", `${folder}/none`], `there is no folder ${folder}/none/RTE`);
    await Deno.remove(`${await data("half", header + rows)}/RTE/dev.tsv`);
    await expectRefusal(["glue", ...GRID, "--data", `${folder}/half`], `${folder}/half/RTE/dev.tsv`);
  });

  it("names file, line and reason of a row that is broken, and of a label that is none", async () => {
    const cut = await data("cut", `${header}${rows}2\tIt rains.\n`);
    await expectRefusal(
      ["glue", ...GRID, "--data", cut],
      `Cannot read ${cut}/RTE/train.tsv:4 as it has 2 tab-separated fields where 4 must be`,
    );
    const label = await data("label", header + rows.replace("not_entailment", "perhaps"));
    await expectRefusal(
      ["glue", ...GRID, "--data", label],
      `Cannot read ${label}/RTE/train.tsv:3 as label "perhaps" must be "entailment" or "not_entailment"`,
    );
  });

  it("gives with --json the error as the one document on standard output, too", async () => {
    const { code, stdout, stderr } = await runTask("reproduce", ["glue", "--tasks", "colla", "--json"]);
    expect(code).toBe(1);
    expect(JSON.parse(stdout).error).toContain('did you mean "cola"?');
    expect(stderr).toContain('did you mean "cola"?');
  });

  it("names an --out that cannot be written, before anything is computed", async () => {
    await Deno.writeTextFile(`${folder}/file`, "");
    for (const out of [`${folder}/file`, `${folder}/file/below`, "/proc/delta-dawn"]) {
      const { code, stdout, stderr } = await runTask("reproduce", ["glue", ...GRID, "--out", out]);
      expect([code, stdout]).toEqual([1, ""]);
      expect(stderr).toMatch(/^reproduce: .+\n$/);
      expect(stderr).toContain(`cannot write into ${out}: `);
    }
  });

  it("ends with path and reason where the folder of records is lost while it runs, without a table", async () => {
    const out = `${folder}/lost`;
    const args = ["glue", ...GRID.slice(0, -1), "40", "--out", out];
    const { code, stdout, stderr } = await runTask("reproduce", args, {
      onLine: (line) =>
        line.startsWith("[1/1] rte lora seed 0  10/40") && Deno.renameSync(`${out}/runs`, `${out}/lost`),
    });
    expect([code, stdout.includes("| method")]).toEqual([1, false]);
    expect(stderr).toMatch(new RegExp(`reproduce: cannot write ${out}/runs/[0-9a-f]{16}\\.arrow: No such file`));
    expect(stderr).not.toMatch(STACK);
    expect(filesUnder(out).filter((name) => /^report|^runs\//.test(name))).toEqual([]);
  });
});

describe("deno task reproduce with bad weights", () => {
  const folder = testFolder();
  let root: URL;
  let encoder: URL;

  beforeAll(async () => {
    root = await copyProject(folder);
    encoder = new URL("experiments/suite/encoder.safetensors", root);
    await Deno.remove(new URL(`${encoder}.json`)).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  });

  it("records runs whose loss is no number as failed, reports them, and ends with exit code 1", async () => {
    const { tensors, metadata } = await loadSafetensors(SUITE_ENCODER);
    const name = "bert.encoder.layer.0.output.dense.bias";
    const broken = tensor(new Float32Array(tensors[name].size).fill(NaN));
    await saveSafetensors(encoder.pathname, { ...tensors, [name]: broken }, metadata);
    const reason = /the (loss|norm of the gradients) is NaN at step 0/.source;
    const args = ["glue", "--tasks", "rte,stsb", "--methods", "lora", "--seeds", "1", "--steps", "2", "--json"];
    const { code, stdout, stderr } = await runTask("reproduce", [...args, "--out", `${folder}/out`], { root });
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`\\[1/2\\] rte lora seed 0: failed: ${reason}`));
    expect(stderr).toMatch(new RegExp(`\\[2/2\\] stsb lora seed 0: failed: ${reason}`));
    expect(stderr).toContain("reproduce: 2 of 2 runs failed");
    expect(stderr).not.toMatch(STACK);
    const { failed, runs } = JSON.parse(stdout);
    expect(failed).toBe(2);
    expect(runs.map(({ status }: { status: string }) => status)).toEqual(["failed", "failed"]);
    const rows = await rowsOf(`${folder}/out/runs.arrow`);
    expect(rows.map(({ status, score }) => [status, score])).toEqual([["failed", null], ["failed", null]]);
    const report = await Deno.readTextFile(`${folder}/out/report.md`);
    expect(report).toMatch(new RegExp(`Failed:\n\n- rte lora seed 0: ${reason}`));
  });

  it("names the file of weights that was cut short, and says why", async () => {
    const bytes = await Deno.readFile(SUITE_ENCODER);
    await Deno.writeFile(encoder, bytes.subarray(0, bytes.length - 1000));
    const { code, stdout, stderr } = await runTask("reproduce", ["glue", ...GRID, "--out", `${folder}/cut`], { root });
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^reproduce: cannot read .*encoder\.safetensors: .*is it truncated\?\n$/);
    expect(filesUnder(folder).filter((name) => name.startsWith("cut/"))).toEqual([]);
  });
});
