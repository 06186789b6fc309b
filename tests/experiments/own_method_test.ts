import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { loadMethod, loadMethodOf, methodList } from "../../experiments/runner/train/load_method.ts";
import { ALL_METHODS, methodNamed, OWN_METHODS, ownMethods, recipeNamed } from "../../experiments/recipes/methods.ts";
import { findRecord, hashSpec, type RunSpec } from "../../lib/experiment/mod.ts";
import { testFolder } from "../support/folder.ts";
import { ROOT, runTask } from "./run_task.ts";

const LORA_XS = "tests/fixtures/methods/lora_xs.ts";

/** A method's module, with its rate from another file. */
const moduleText = (name: string) => `
import { lora, LOW_RANK, defineMethod } from "${new URL("lib/peft/mod.ts", ROOT)}";
import { rate } from "./rate.ts";

export const method = defineMethod({
  name: "${name}",
  summary: "LoRA under another name",
  options: LOW_RANK,
  recipe: { learningRate: rate },
  make: ({ rank, alpha, targets }, { heads }) => lora({ rank, alpha, targets, heads }),
});
`;

describe("loadMethod()", () => {
  const folder = testFolder();

  /** Writes a module in a folder of its own, with two that it imports, one through the other. */
  async function write(place: string, name: string, { rate = 0.01, note = "" } = {}): Promise<string> {
    await Deno.mkdir(`${folder}/${place}/parts`, { recursive: true });
    await Deno.writeTextFile(`${folder}/${place}/method.ts`, moduleText(name));
    await Deno.writeTextFile(`${folder}/${place}/rate.ts`, 'export { rate } from "./parts/number.ts";\n');
    await Deno.writeTextFile(`${folder}/${place}/parts/number.ts`, `${note}export const rate = ${rate};\n`);
    return `${folder}/${place}/method.ts`;
  }

  it("makes a method of one's own known by its name, with its recipe and where it is from", async () => {
    const { description, module, source } = await loadMethod(await write("own", "my-lora"));
    expect(methodNamed("my-lora")).toBe(description);
    expect(ownMethods().map((own) => own.description.name)).toContain("my-lora");
    expect([module.endsWith("own/method.ts"), /^[0-9a-f]{16}$/.test(source)]).toEqual([true, true]);
    const { learningRate, options, make } = recipeNamed("my-lora");
    expect(learningRate).toBe(0.01);
    const method = options(10);
    expect(method).toEqual({ name: "my-lora", module, source, rank: 8, alpha: 16, targets: expect.any(String) });
    expect(make(method, { steps: 10 }).name).toBe("lora");
  });

  it("has another hash when what it imports changes, however far below, and the same one elsewhere", async () => {
    const hashes = [
      await loadMethod(await write("a", "one-lora")),
      await loadMethod(await write("b", "two-lora")),
      await loadMethod(await write("c", "one-more", { rate: 0.02 })),
    ].map(({ source }) => source);
    expect(new Set(hashes).size).toBe(3);
    const copies = [
      await write("d", "copy"),
      await write("e", "copy"),
      await write("f", "copy", { note: "// a note\n" }),
    ];
    const sources: string[] = [];
    for (const path of copies) {
      // Names are taken once: each is loaded by a process of its own.
      const code = `import { loadMethod } from "${new URL("experiments/runner/train/load_method.ts", ROOT)}";` +
        `console.log((await loadMethod("${path}")).source)`;
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: ["eval", "--quiet", code] }).output();
      expect(new TextDecoder().decode(stderr)).toBe("");
      sources.push(new TextDecoder().decode(stdout).trim());
    }
    expect(sources[0]).toMatch(/^[0-9a-f]{16}$/);
    expect(sources[1]).toBe(sources[0]);
    expect(sources[2]).not.toBe(sources[0]);
  });

  it("runs no spec whose module is another than when it was made", async () => {
    const { module, source } = await loadMethod(await write("g", "g-lora"));
    const spec = (parts: Record<string, string>) => ({ method: { name: "g-lora", module, source, ...parts } });
    await loadMethodOf(spec({}));
    await loadMethodOf({ method: { name: "lora" } });
    await expect(loadMethodOf(spec({ source: "0123456789abcdef" }))).rejects.toThrow(
      `cannot run g-lora as ${module} or what it imports changed: its hash is ${source} now, and 0123456789abcdef in the spec`,
    );
    await expect(loadMethodOf(spec({ name: "h-lora" }))).rejects.toThrow("has the method g-lora now");
  });

  it("says what a module lacks to be a method, and what it must export", async () => {
    const rest = 'name: "x", summary: "x", options: {}, recipe: { learningRate: 1 }, make() {}';
    const wrong: [string, string][] = [
      ["", "it exports no `method`. It must export one"],
      ["export const methods = 1; export default 2;", "it exports no `method`, but default, methods. It must"],
      ["export const method = {};", "its `name` is no text of lower-case words"],
      ['export const method = { name: "Mine" };', "its `name` is no text of lower-case words"],
      ['export const method = { name: "mine" };', "it has no `summary`"],
      ['export const method = { name: "mine", summary: "" };', "it has no `options`"],
      [
        'export const method = { name: "mine", summary: "", options: { rank: 8 } };',
        "its option rank has no `kind`: integer, number, text, boolean",
      ],
      [
        `export const method = { ${rest}, options: { source: { kind: "text", help: "" } } };`,
        "its option cannot be called source",
      ],
      ['export const method = { name: "mine", summary: "", options: {} };', "it has no `recipe`"],
      [`export const method = { ${rest}, make: undefined };`, "it has no function `make`"],
    ];
    for (const [i, [text, message]] of wrong.entries()) {
      const path = `${folder}/wrong_${i}.ts`;
      await Deno.writeTextFile(path, text);
      const promise = loadMethod(path);
      await expect(promise).rejects.toThrow(message);
      await expect(promise).rejects.toThrow("export const method = peft.defineMethod({");
    }
    await expect(loadMethod(`${folder}/none.ts`)).rejects.toThrow("cannot load the method ");
  });

  it("has no two methods of one name", async () => {
    await expect(loadMethod(await write("lora", "lora"))).rejects.toThrow(
      'as the method "lora": this project has one of that name',
    );
    const first = await loadMethod(await write("h", "h-lora"));
    await expect(loadMethod(await write("i", "h-lora"))).rejects.toThrow(`${first.module} has one of that name`);
    expect(() => OWN_METHODS.add(first)).not.toThrow();
  });

  it("takes paths and names in one list", async () => {
    const path = await write("j", "j-lora");
    expect(await methodList(`lora, ${path},lora`, ALL_METHODS)).toEqual(["lora", "j-lora"]);
    expect(await methodList("all", ALL_METHODS)).toEqual(ALL_METHODS);
    await expect(methodList("lorra", ALL_METHODS)).rejects.toThrow('did you mean "lora"?');
  });
});

describe("a method of one's own in the table", () => {
  const out = testFolder();

  it("is LoRA-XS by deno task reproduce glue --methods lora,./lora_xs.ts, in processes, too", async () => {
    const flags = ["--tasks", "rte", "--steps", "4", "--seeds", "1", "--methods", `lora,./${LORA_XS}`, "--out", out];
    const { code, stdout, stderr } = await runTask("reproduce", ["glue", ...flags, "--parallel", "2", "--json"]);
    expect(code === 0 ? "" : stderr).toBe("");
    const specs: RunSpec[] = JSON.parse(stdout).runs.map(({ spec }: { spec: RunSpec }) => spec);
    const trained = async (name: string) => {
      const spec = specs.find(({ method }) => method.name === name)!;
      const found = await findRecord(out, spec);
      return { spec, count: found.kind === "finished" ? found.record.result!.trainableParameters : NaN };
    };
    const { spec, count } = await trained("lora-xs");
    expect(spec.method).toMatchObject({ module: `./${LORA_XS}`, rank: 8, alpha: 16 });
    // 8 × 8 numbers in place of two factors, in each of four layers of width 64.
    expect((await trained("lora")).count - count).toBe(4 * 8 * (64 + 64) - 4 * 8 * 8);
    const other = { ...spec, method: { ...spec.method, source: "0123456789abcdef" } };
    expect(await hashSpec(other)).not.toBe(await hashSpec(spec));
  });

  it("is LoRA-XS by deno task train --method ./lora_xs.ts from a folder outside, and its adapter is one of PEFT's", async () => {
    const module = `${out}/lora_xs.ts`;
    await Deno.copyFile(new URL(LORA_XS, ROOT), module);
    const shared = ["--model", "suite", "--task", "rte", "--data", "suite"];
    const train = [
      "--method",
      module,
      "--rank",
      "4",
      "--learning-rate",
      "0.02",
      "--steps",
      "4",
      "--out",
      `${out}/trained`,
    ];
    const { code, stdout, stderr } = await runTask("train", [...shared, ...train, "--json"]);
    expect(code === 0 ? "" : stderr).toBe("");
    const { spec, method, metrics } = JSON.parse(stdout);
    expect([method, spec.method.rank, spec.method.targets]).toEqual(["lora-xs", 4, "query,value"]);
    expect(spec.method.source).toMatch(/^[0-9a-f]{16}$/);
    const adapter = ["--adapter", `${out}/trained`];
    const scored = await runTask("evaluate", [...shared, ...adapter]);
    expect(JSON.parse(scored.stdout).metrics).toEqual(metrics);

    const resumed = [...shared, ...train, "--resume"];
    expect((await runTask("train", resumed)).stdout).toContain("resumed: 4 of 4 steps are done");
    await Deno.writeTextFile(module, "// another one\n", { append: true });
    const changed = await runTask("train", resumed);
    expect([changed.code, changed.stdout]).toEqual([1, ""]);
    expect(changed.stderr).toContain(`was ${spec.method.source} there`);
  });

  it("has flags for its options, which help texts name, and refuses others", async () => {
    const help = await runTask("train", ["--method", `./${LORA_XS}`, "--help"]);
    expect(help.stdout).toMatch(/--rank N .*(\n .*)*lora-xs/);
    const lambda = ["--model", "suite", "--task", "rte", "--data", "suite", "--lambda", "1", "--out", `${out}/no`];
    const wrong = await runTask("train", ["--method", `./${LORA_XS}`, ...lambda]);
    expect(wrong.stderr).toBe("train: --lambda is nothing of method lora-xs\n");
    const none = await runTask("train", ["--method", "./no_method.ts", ...lambda]);
    expect(none.stderr).toContain("train: cannot load the method ./no_method.ts");
  });

  it("is named by its path in a configuration file, and a file that a command wrote repeats it", async () => {
    const [file, written] = [`${out}/own.json`, `${out}/written.yaml`];
    const run = { task: "rte", steps: 2, model: { length: 64 }, method: { name: `./${LORA_XS}`, rank: 2 }, seed: 3 };
    await Deno.writeTextFile(file, JSON.stringify({ version: 1, run }));
    const into = ["--out", `${out}/files`, "--json"];
    const plan = await runTask("run", [file, "--dry-run", ...into]);
    expect(plan.code === 0 ? "" : plan.stderr).toBe("");
    const [{ method }] = JSON.parse(plan.stdout).specs;
    expect(method).toMatchObject({ name: "lora-xs", module: `./${LORA_XS}`, rank: 2 });
    const first = await runTask("run", [file, "--write-spec", written, ...into]);
    expect(first.code === 0 ? "" : first.stderr).toBe("");
    const again = await runTask("run", [written, ...into]);
    expect([again.code, again.stderr]).toEqual([0, expect.stringContaining("runs: 1; 1 of them recorded")]);
    await Deno.writeTextFile(written, (await Deno.readTextFile(written)).replace(method.source, "0123456789abcdef"));
    const other = await runTask("run", [written, ...into]);
    expect([other.code, other.stderr]).toEqual([1, expect.stringContaining(`its hash is ${method.source} now`)]);
  });
});
