import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { loadTask, loadTaskOf, nameTask, taskList } from "../../experiments/runner/data/own_task.ts";
import { readTask } from "../../experiments/runner/data/read_task.ts";
import { TASKS } from "../../experiments/recipes/mod.ts";
import { findRecord, hashSpec, type RunSpec } from "../../lib/experiment/mod.ts";
import { testFolder } from "../support/folder.ts";
import { ROOT, runTask } from "./run_task.ts";

const PARITY = "tests/fixtures/tasks/parity.ts";

/** A module that exports a task with such parts in the place of others, which are written as source. */
function moduleText(name: string, parts: Readonly<Record<string, string>> = {}): string {
  const whole: Record<string, string> = {
    name: `"${name}"`,
    kind: '"classification"',
    classes: '["no", "yes"]',
    metrics: '["accuracy"]',
    load:
      '() => ({ train: [{ text: "a", label: "yes" }, { text: "b", label: "no" }], dev: [{ text: "c", label: 1 }] })',
    ...parts,
  };
  return `import { defineTask } from "${new URL("lib/data/mod.ts", ROOT)}";
export const task = defineTask({ ${Object.entries(whole).map(([key, value]) => `${key}: ${value}`).join(", ")} });\n`;
}

describe("a module's task", () => {
  const folder = testFolder();

  let count = 0;
  /** Writes a module with a task of a name of its own. */
  async function write(parts: Readonly<Record<string, string>> = {}): Promise<string> {
    const path = `${folder}/task_${++count}.ts`;
    await Deno.writeTextFile(path, moduleText(`task-${count}`, parts));
    return path;
  }

  it("has its examples as the tables of GLUE's have them", async () => {
    const task = await readTask({ task: `./${PARITY}` });
    expect(task).toMatchObject({
      name: "parity",
      kind: "classes",
      labels: ["even", "odd"],
      metrics: ["accuracy", "f1", "oddRecall"],
      source: `./${PARITY}`,
      order: `in the order of ./${PARITY}`,
      usesHead: false,
    });
    expect([task.train.length, task.sets.dev.length]).toEqual([30, 10]);
    expect(task.train.slice(0, 2)).toEqual([{ text: "it is not so", label: 1 }, {
      text: "it is not not so",
      label: 0,
    }]);
  });

  it("takes classes by name or number, pairs, scores, and splits that come one by one", async () => {
    const byNumber = await readTask({ task: await write() });
    expect(byNumber.sets.dev).toEqual([{ text: "c", label: 1 }]);
    const numbers = await write({
      classes: '["1", "0"]',
      load: "() => ({ train: [{ text: 7, label: 1 }], dev: gen() })",
    });
    await Deno.writeTextFile(numbers, 'async function* gen() { yield { text: "a", label: 0 }; }\n', { append: true });
    // Words of classes come before numbers.
    expect(await readTask({ task: numbers })).toMatchObject({
      train: [{ text: "7", label: 0 }],
      sets: { dev: [{ text: "a", label: 1 }] },
    });
    const pairs = await readTask({
      task: await write({
        kind: '"regression"',
        classes: "undefined",
        metrics: '["pearson"]',
        fields: '{ text: "one", text2: "two", label: "score" }',
        load:
          'async () => ({ train: [{ one: "a", two: "b", score: "1.5" }], dev: [{ one: "c", two: "d", score: 2 }] })',
      }),
    });
    expect(pairs).toMatchObject({ kind: "regression", labels: [], train: [{ text: "a", text2: "b", label: 1.5 }] });
  });

  it("is refused with the example that is wrong, and what is wrong of it", async () => {
    const ok = '{ text: "a", label: "yes" }';
    const train = (list: string) => `() => ({ train: ${list}, dev: [${ok}] })`;
    const wrong: [load: string, message: string][] = [
      [train(`[${ok}, { text: "a" }]`), "Cannot read MODULE, example 1 of train, as its label is missing"],
      [train('[{ text: "a", label: NaN }]'), "example 0 of train, as its label is NaN"],
      [train('[{ text: "a", label: "maybe" }]'), 'example 0 of train, as label "maybe" is none of no, yes'],
      [train('[{ text: "a", label: 2 }]'), "example 0 of train, as label 2 is none of no, yes"],
      [train('[{ text: " ", label: "yes" }]'), 'example 0 of train, as its "text" is empty'],
      [train('[{ text: ["a"], label: "yes" }]'), "not a text or a number"],
      [train('["a"]'), "example 0 of train, as it is no object"],
      [train("[]"), "cannot load the examples of MODULE: its `train` is empty"],
      [train("5"), "cannot load the examples of MODULE: its `train` is no list"],
      [`() => ({ train: [${ok}] })`, "cannot load the examples of MODULE: its `dev` is no list"],
      ["() => undefined", "its `load` gives no object with `train` and `dev`"],
      ['() => { throw new Error("no network") }', "cannot load the examples of MODULE: no network"],
      [`() => ({ train: [${ok}], dev: [{ text: "a", label: "x" }] })`, "example 0 of dev, as label"],
    ];
    for (const [load, message] of wrong) {
      const path = await write({ load });
      const { module } = await loadTask(path);
      await expect(readTask({ task: path })).rejects.toThrow(message.replace("MODULE", module));
    }
    const score = await write({
      kind: '"regression"',
      classes: "undefined",
      metrics: '["pearson"]',
      load: '() => ({ train: [{ text: "a", label: "good" }], dev: [] })',
    });
    await expect(readTask({ task: score })).rejects.toThrow("`dev` is empty");
  });

  it("is said what it lacks to be one, and what it must export", async () => {
    const parts: [parts: Readonly<Record<string, string>>, message: string][] = [
      [{ name: '"My task"' }, "its `name` is no text of lower-case words"],
      [{ kind: '"classes"' }, "its `kind` is neither classification nor regression"],
      [{ classes: '["one"]' }, "its `classes` are no list of two names or more"],
      [{ classes: '["one", "one"]' }, "its `classes` have a name twice"],
      [{ kind: '"regression"' }, "it has `classes`, which are nothing of a regression"],
      [{ metrics: "[]" }, "its `metrics` are no list of one or more"],
      [{ metrics: '["acuracy"]' }, "its metric acuracy is none of a classification: accuracy, f1, matthewsCorrelation"],
      [{ metrics: '["pearson"]' }, "its metric pearson is none of a classification"],
      [{ metrics: "[() => 1]" }, "one of its `metrics` is a function without a name"],
      [{ metrics: '["accuracy", "accuracy"]' }, "its `metrics` have a name twice"],
      [{ metrics: '["f1"]', classes: '["a", "b", "c"]' }, "its metric f1 is of two classes, not of 3"],
      [{ fields: '{ text: "label" }' }, "its `fields` are not each another name"],
      [{ fields: "{ text: 3 }" }, "its `fields` do not say"],
      [{ load: "[]" }, "it has no function `load`"],
    ];
    for (const [own, message] of parts) {
      const promise = loadTask(await write(own));
      await expect(promise).rejects.toThrow(`as a task: ${message}`);
      await expect(promise).rejects.toThrow("It must export one: export const task = data.defineTask({");
    }
    await Deno.writeTextFile(`${folder}/none.ts`, "export const tasks = 1;\n");
    await expect(loadTask(`${folder}/none.ts`)).rejects.toThrow("it exports no `task`, but tasks. It must export");
    await Deno.writeTextFile(`${folder}/rte.ts`, moduleText("rte"));
    await expect(loadTask(`${folder}/rte.ts`)).rejects.toThrow('as the task "rte": this project has one of that name');
    await expect(loadTask(`${folder}/no.ts`)).rejects.toThrow("cannot load the task ");
  });

  it("is named in specs by its module and a hash, and refused where that changed", async () => {
    const path = await write();
    const { task, module } = await nameTask(path);
    expect(module).toEqual({ path: expect.stringContaining("task_"), hash: expect.stringMatching(/^[0-9a-f]{16}$/) });
    expect((await loadTaskOf({ task, data: { module } }))?.description.name).toBe(task);
    expect(await loadTaskOf({ task: "rte" })).toBeUndefined();
    const changed = { path: module!.path, hash: "0123456789abcdef" };
    await expect(loadTaskOf({ task, data: { module: changed } })).rejects.toThrow(
      `cannot run ${task} as ${module!.path} or what it imports changed: its hash is ${module!.hash} now`,
    );
    expect(await taskList(`rte,${path}`, TASKS)).toEqual(["rte", task]);
    await expect(taskList("rtee", TASKS)).rejects.toThrow('did you mean "rte"?');
  });

  it("scores by functions of its own, which have its classes in its own order whatever a head's is", async () => {
    const path = await write({ metrics: "[function share(predictions) { return predictions }]" });
    const head = { owner: "the model", source: "id2label", kind: "classes", outputs: 3, isNamed: true } as const;
    const task = await readTask({ task: path }, { heads: [{ ...head, labels: ["yes", "maybe", "no"] }] });
    expect(task.train.map(({ label }) => label)).toEqual([0, 2]);
    expect(task.scorers!.share([0, 1, 2], [])).toEqual([1, -1, 0]);
  });
});

describe("a task of one's own", () => {
  const out = testFolder();

  it("is trained, scored, written as a file and repeated to the same bits; a changed one is refused", async () => {
    const module = `${out}/parity.ts`;
    await Deno.copyFile(new URL(PARITY, ROOT), module);
    const shared = ["--model", "suite", "--task", module];
    const [trained, file] = [`${out}/trained`, `${out}/parity.yaml`];
    const rate = ["--learning-rate", "0.005", "--steps", "6", "--method", "lora"];
    const train = [...shared, ...rate, "--out", trained, "--write-spec", file, "--json"];
    const { code, stdout, stderr } = await runTask("train", train);
    expect(code === 0 ? "" : stderr).toBe("");
    const { spec, metrics }: { spec: RunSpec; metrics: Record<string, unknown> } = JSON.parse(stdout);
    expect(spec).toMatchObject({ task: "parity", kind: "classification", metric: "accuracy" });
    expect(spec.data).toMatchObject({ source: "module", examples: 30, module: { hash: expect.any(String) } });
    expect(Object.keys(metrics.dev!)).toEqual(["accuracy", "f1", "oddRecall"]);
    const scored = await runTask("evaluate", [...shared, "--adapter", trained]);
    expect(JSON.parse(scored.stdout)).toEqual({ task: "parity", metrics, examples: { dev: 10 } });

    const again = await runTask("run", [file, "--out", `${out}/again`, "--json"]);
    expect(again.code === 0 ? "" : again.stderr).toBe("");
    const curves = await Promise.all([trained, `${out}/again`].map(async (folder) => {
      const found = await findRecord(folder, spec);
      return found.kind === "finished" ? found.record.result!.curve.map(({ loss, gradNorm }) => [loss, gradNorm]) : [];
    }));
    expect(curves[0]).toHaveLength(6);
    expect(curves[1]).toEqual(curves[0]);
    const other = { ...spec, data: { ...spec.data, module: { ...spec.data.module!, hash: "0123456789abcdef" } } };
    expect(await hashSpec(other)).not.toBe(await hashSpec(spec));

    await Deno.writeTextFile(module, "// another one\n", { append: true });
    const changed = await runTask("run", [file, "--out", `${out}/changed`]);
    expect([changed.code, changed.stdout]).toEqual([1, ""]);
    expect(changed.stderr).toContain(`and ${spec.data.module!.hash} in the spec`);
    const resumed = await runTask("train", [...train, "--resume"]);
    expect([resumed.code, resumed.stderr]).toEqual([1, expect.stringContaining("the data.module changed since")]);
  });

  it("stands in GLUE's table with a method of one's own, in processes, too", async () => {
    const methods = "lora,./tests/fixtures/methods/lora_xs.ts";
    const flags = ["--tasks", `rte,./${PARITY}`, "--steps", "3", "--seeds", "1", "--methods", methods];
    const { code, stdout, stderr } = await runTask("reproduce", [
      ...["glue", ...flags, "--parallel", "2", "--out", `${out}/glue`, "--json"],
    ]);
    expect(code === 0 ? "" : stderr).toBe("");
    const runs: { spec: RunSpec; metrics: Record<string, number> }[] = JSON.parse(stdout).runs;
    expect(runs.map(({ spec: { task, method } }) => `${task} ${method.name}`)).toEqual([
      ...["rte lora", "rte lora-xs", "parity lora", "parity lora-xs"],
    ]);
    expect(Object.keys(runs[3].metrics)).toEqual(["accuracy", "f1", "oddRecall"]);
    const report = await Deno.readTextFile(`${out}/glue/report.md`);
    expect(report).toContain("parity (accuracy)");
    expect(report).toContain(`data: the generated suite (rte), ./${PARITY} (parity)`);
    const paper = await runTask("reproduce", ["glue", "--tasks", `./${PARITY}`, "--scale", "paper", "--dry-run"]);
    expect(paper.stderr).toContain("the papers have no settings for the task parity");
  });

  it("is named by its path in a configuration file, in an axis, too", async () => {
    const file = `${out}/axes.json`;
    const run = { steps: 2, method: { name: "lora" }, model: { length: 64 } };
    await Deno.writeTextFile(file, JSON.stringify({ version: 1, run, axes: { task: ["rte", `./${PARITY}`] } }));
    const { code, stdout, stderr } = await runTask("run", [file, "--dry-run", "--json", "--out", `${out}/axes`]);
    expect(code === 0 ? "" : stderr).toBe("");
    const { specs, plan }: { specs: RunSpec[]; plan: { operations: number }[] } = JSON.parse(stdout);
    expect(specs.map(({ task, data: { source, module } }) => [task, source, module?.path])).toEqual([
      ["rte", "suite", undefined],
      ["parity", "module", `./${PARITY}`],
    ]);
    expect(plan.every(({ operations }) => operations > 0)).toBe(true);
  });

  it("needs no data, and its faults are told as those of flags are", async () => {
    const train = (...flags: string[]) =>
      runTask("train", ["--model", "suite", "--out", `${out}/none`, "--task", ...flags]);
    const data = await train(`./${PARITY}`, "--data", "suite");
    expect(data.stderr).toBe(
      `train: --data belongs to GLUE's tasks and --columns: ./${PARITY} has examples of its own\n`,
    );
    expect((await train("./no_task.ts")).stderr).toContain("train: cannot load the task ./no_task.ts");
    const help = await runTask("train", ["--help"]);
    expect(help.stdout.replace(/\s+/g, " ")).toContain("./my_task.ts for one of your own");
  });
});
