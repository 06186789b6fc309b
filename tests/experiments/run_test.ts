import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { SCALE } from "../../experiments/recipes/mod.ts";
import { Inputs } from "../../experiments/runner/data/inputs.ts";
import { variedPaths } from "../../experiments/studies/file_experiment.ts";
import { glueSpecs } from "../../experiments/studies/glue/glue_specs.ts";
import { settingWords } from "../../experiments/studies/settings_table.ts";
import { readRecord, type RunFile } from "../../lib/experiment/mod.ts";
import { SCHEMA_FILE, schemaText } from "../../tools/write_schema.ts";
import { testFolder } from "../support/folder.ts";
import { rowsOf } from "./records.ts";
import { ROOT, runTask, type TaskResult } from "./run_task.ts";

const RECIPES = new URL("experiments/recipes/", ROOT);
const EXAMPLES = Array.from(Deno.readDirSync(RECIPES), ({ name }) => name).filter((name) => name.endsWith(".yaml"));

/** What decides a run, and what came of it, of each record: hashes, scores and the last loss of its curve. */
async function outcomes(out: string): Promise<unknown[]> {
  const curves = await rowsOf(`${out}/curves.arrow`);
  return (await rowsOf(`${out}/runs.arrow`)).map(({ hash, score, seed }) => ({
    hash,
    score,
    seed,
    losses: curves.filter((row) => row.hash === hash).map(({ loss }) => loss),
  }));
}

describe("variedPaths", () => {
  it("says of an axis over methods in which of their options runs of one method differ", async () => {
    const options = { scale: SCALE.default, tasks: ["rte"], methods: ["lora", "vera"], seeds: 1 };
    const [lora, vera] = await glueSpecs(new Inputs(), options);
    const specs = [lora, { ...lora, method: { ...lora.method, rank: 2 } }, vera];
    const file: RunFile = { version: 1, axes: { method: specs.map(({ method }) => method), steps: [1] } };
    expect(variedPaths(file, specs)).toEqual(["method.rank", "steps"]);
    expect(settingWords(specs[1], variedPaths(file, specs))).toEqual(["method.rank=2", `steps=${lora.steps}`]);
    expect(variedPaths({ version: 1, axes: { method: [lora.method, vera.method] } }, [lora, vera])).toEqual([]);
  });
});

describe("deno task run", () => {
  const folder = testFolder();
  let first: TaskResult;
  const path = (name: string) => `${folder}/${name}`;
  const write = async (name: string, text: string) => {
    await Deno.writeTextFile(path(name), text);
    return path(name);
  };

  beforeAll(async () => {
    const file = await write(
      "grid.yaml",
      `version: 1
run:
  task: rte
  steps: 3
  model: { length: 32 }
  method: { name: lora }
axes:
  method.rank: [2, 4]
  method.alpha: { of: method.rank, times: 2 }
seeds: { count: 2 }
`,
    );
    first = await runTask("run", [file, "--out", path("a"), "--write-spec", path("written.yaml")]);
  });

  it("trains every combination, names each by what sets it apart, and has a row for each setting", async () => {
    expect(first.code).toBe(0);
    expect(first.stderr).toContain("rte lora method.rank=4 method.alpha=8 seed 1");
    expect(first.stdout).toMatch(/\| rte +\| lora +\| +2 \| +4 \| +[\d.]+ ± [\d.]+ \| accuracy \| +2 \|/);
    expect(first.stdout).toMatch(/\| rte +\| lora +\| +4 \| +8 \|/);
    const rows = await rowsOf(path("a/runs.arrow"));
    expect(rows.map(({ method_rank, method_alpha, seed }) => [method_rank, method_alpha, Number(seed)])).toEqual([
      [2, 4, 0],
      [2, 4, 1],
      [4, 8, 0],
      [4, 8, 1],
    ]);
  });

  it("writes what it ran as a file that repeats it to the same bits", async () => {
    const again = await runTask("run", [path("written.yaml"), "--out", path("b")]);
    expect(again.code).toBe(0);
    expect(await outcomes(path("b"))).toEqual(await outcomes(path("a")));
  });

  it("takes other values by --set, a list as an axis, and only says what would run by --dry-run", async () => {
    const { code, stdout } = await runTask("run", [
      ...[path("grid.yaml"), "--dry-run", "--json", "--out", path("none")],
      ...["--set", "method.rank=8", "--set", "optimizer.learningRate=[0.001, 0.01]", "--set", "seeds=[7]"],
    ]);
    expect(code).toBe(0);
    const { specs } = JSON.parse(stdout);
    expect(
      specs.map((
        { method, optimizer, seed }: typeof specs[number],
      ) => [method.rank, method.alpha, optimizer.learningRate, seed]),
    )
      .toEqual([[8, 16, 0.001, 7], [8, 16, 0.01, 7]]);
    await expect(Deno.stat(path("none"))).rejects.toThrow(Deno.errors.NotFound);
  });

  it("says by --dry-run that LoRA, LoRA at (1+λ)α and telescoped Delta-LoRA share a program", async () => {
    const file = await write(
      "kin.yaml",
      `version: 1
run: { task: rte, steps: 3, model: { length: 32 } }
axes:
  method:
    - { name: lora, rank: 4, alpha: 6 }
    - { name: lora-scaled, rank: 4, alpha: 6, lambda: 0.5 }
    - { name: delta-lora, rank: 4, alpha: 6, write: telescoped }
    - { name: delta-lora, rank: 4, alpha: 6 }
`,
    );
    const { code, stdout } = await runTask("run", [file, "--dry-run", "--cells", "8", "--parallel", "1"]);
    expect(code).toBe(0);
    expect(stdout).toContain("programs: 4 runs in 2 programs\n  lora, lora-scaled, delta-lora on rte: 3 cells\n");
    expect(stdout).toContain("  delta-lora on rte: 1 cell; other method than the one before\n");
  });

  it("repeats a run of train and one of reproduce to the same bits from the files that they wrote", async () => {
    const inputs = ["--model", "suite", "--data", "suite", "--task", "cola"];
    await runTask("train", [...inputs, "--steps", "3", "--out", path("t"), "--write-spec", path("train.json")]);
    const trained = await runTask("run", [path("train.json"), "--out", path("t2")]);
    expect(trained.code).toBe(0);
    const [record] = Array.from(Deno.readDirSync(path("t/runs")), ({ name }) => name);
    const [again] = Array.from(Deno.readDirSync(path("t2/runs")), ({ name }) => name);
    expect(again).toBe(record);
    const outcome = async (path: string) => {
      const { result } = await readRecord(path);
      return { metrics: result!.metrics, losses: result!.curve.map(({ loss }) => loss) };
    };
    const own = await outcome(path(`t/runs/${record}`));
    expect(own.losses).toHaveLength(3);
    expect(await outcome(path(`t2/runs/${again}`))).toEqual(own);

    const args = ["glue", "--tasks", "rte", "--methods", "lora,delta-lora", "--seeds", "1", "--steps", "3"];
    await runTask("reproduce", [...args, "--out", path("g"), "--write-spec", path("glue.yaml")]);
    const repeated = await runTask("run", [path("glue.yaml"), "--out", path("g2")]);
    expect(repeated.code).toBe(0);
    expect(await outcomes(path("g2"))).toEqual(await outcomes(path("g")));
  });

  it("names line and nearest key of what a file has wrong", async () => {
    const refused = async (text: string, ...more: string[]) => {
      const { code, stderr } = await runTask("run", [await write("wrong.yaml", text), ...more]);
      expect(code).toBe(1);
      return stderr;
    };
    expect(await refused("version: 1\nrun:\n  optimizer:\n    lerningRate: 1\n")).toMatch(
      /wrong\.yaml:4: .*did you mean "learningRate"/,
    );
    expect(await refused("version: 1\naxes:\n  steps: [1, two]\n")).toMatch(/wrong\.yaml:3: wrong at steps/);
    expect(await refused("version: 1\nrun: { task: rte\n")).toMatch(/wrong\.yaml:\d+: /);
    expect(await refused("version: 1\n", "--set", "method.rank")).toContain("--set takes PATH=VALUE");
    expect(await refused("version: 1\n", "--set", "optimiser.name=sgd")).toMatch(
      /--set optimiser.name=sgd: .*optimizer/,
    );
    expect(await refused("version: 1\nrun: { task: rte, kind: regression }\n")).toMatch(
      /`kind` is classification by model and data, not regression/,
    );
    expect(await refused("version: 1\nrun: { task: rte, method: { name: lorra } }\n")).toMatch(/did you mean "lora"/);
    const none = await runTask("run", [path("none.yaml")]);
    expect(none.stderr).toMatch(/^run: cannot read the configuration file .*none\.yaml: No such file/);
    expect((await runTask("run", [])).stderr).toContain("the configuration file is missing");
  });

  it("has a schema, published with the package, that is the code's", async () => {
    expect(await Deno.readTextFile(SCHEMA_FILE)).toBe(schemaText());
  });

  it("has examples that begin with the command that runs them and name the schema", async () => {
    expect(EXAMPLES.length).toBeGreaterThan(0);
    for (const name of EXAMPLES) {
      const text = await Deno.readTextFile(new URL(name, RECIPES));
      expect(text).toContain("$schema=../../lib/experiment/specs/run_file.schema.json");
      expect(text).toContain(`# deno task run experiments/recipes/${name}`);
      const plan = await runTask("run", [`experiments/recipes/${name}`, "--dry-run", "--json"]);
      expect(plan.stderr).not.toContain("run:");
      expect(plan.code).toBe(0);
    }
  });
});
