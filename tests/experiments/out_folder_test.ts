import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { lockFolder } from "../../lib/experiment/mod.ts";
import { ownFolder, ownRecords, removeResults, requireFree } from "../../experiments/runner/out_folder.ts";
import { filesUnder } from "../experiment/samples.ts";
import { testFolder } from "../support/folder.ts";
import { ownerOf, runTask, STACK, startTask } from "./run_task.ts";

describe("a folder for results", () => {
  const folder = testFolder();

  /** Makes a folder with such files. */
  async function holding(name: string, ...files: readonly string[]): Promise<string> {
    const path = `${folder}/${name}`;
    await Deno.mkdir(path, { recursive: true });
    for (const file of files) await Deno.writeTextFile(`${path}/${file}`, "{}");
    return path;
  }

  it("is refused where it holds a result, which is named, with what may be done", async () => {
    const cases: [files: string[], held: string][] = [
      [["state.json", "adapter_config.json"], "a run of deno task train"],
      [["adapter_config.json"], "an adapter"],
      [["config.json"], "a model"],
      [["pytorch_model.bin"], "a model"],
      [["specs.json"], "records of deno task reproduce"],
    ];
    for (const [i, [files, held]] of cases.entries()) {
      const out = await holding(`held${i}`, ...files);
      await expect(requireFree(out, {})).rejects.toThrow(
        `cannot write into ${out} as it holds ${held}: \`overwrite\` writes over it, or choose another folder with \`out\``,
      );
      await expect(ownFolder(out, {})).rejects.toThrow(`as it holds ${held}`);
      await requireFree(out, { overwrite: true });
    }
    await expect(requireFree(`${folder}/held0`, { resume: false })).rejects.toThrow("`resume` goes on with it, `over");
    await requireFree(`${folder}/held0`, { resume: true });
    await expect(requireFree(`${folder}/held1`, { resume: true })).rejects.toThrow(
      "as it holds an adapter and no state of a run to go on with",
    );
    await expect(requireFree(folder, { resume: true, overwrite: true })).rejects.toThrow("exclude each other");
    await expect(ownRecords(`${folder}/held1`)).rejects.toThrow("cannot keep records in");
    using _records = await ownRecords(`${folder}/held4`);
  });

  it("is free where nothing is there, or notes and logs alone", async () => {
    for (const out of [`${folder}/none`, await holding("notes", "slurm.out", "log.jsonl", "notes.md", "labels.json")]) {
      await requireFree(out, {});
      await requireFree(out, { resume: true });
      using _records = await ownRecords(out);
    }
  });

  it("is cleared of results, and of nothing else, where they are to go", async () => {
    const out = await holding("old", "state.json", "adapter_config.json", "model.safetensors", "vocab.txt", "notes.md");
    using lock = await ownFolder(out, { overwrite: true });
    await removeResults(lock);
    expect(filesUnder(out)).toEqual([".lock", "notes.md"]);
  });

  const train = (out: string, ...more: readonly string[]) => [
    ...["--model", "suite", "--task", "rte", "--data", "suite", "--method", "lora", "--steps", "2"],
    ...["--out", `${folder}/${out}`, ...more],
  ];

  it("keeps what train, convert, merge and generate wrote until they are told to write over it", async () => {
    const log = ["--log", `${folder}/run.jsonl`];
    expect((await runTask("train", train("run", ...log, "--save-every", "1"))).code).toBe(0);
    expect((await runTask("generate", ["--out", `${folder}/tasks`])).code).toBe(0);
    const before = Deno.readFileSync(`${folder}/run/adapter_model.safetensors`);
    const held = "as it holds a run of deno task train";
    const refused: [task: string, args: readonly string[], message: string][] = [
      ["train", train("run", "--seed", "1"), `${held}: --resume goes on with it`],
      ["train", train("new", ...log), `cannot begin the log ${folder}/run.jsonl as it is there`],
      ["merge", ["--model", "suite", "--adapter", `${folder}/run`, "--out", `${folder}/held0`], held],
      ["reproduce", ["glue", "--steps", "1", "--out", `${folder}/run`], `cannot keep records in ${folder}/run`],
      ["generate", ["--out", `${folder}/tasks`, "--seed", "9"], "CoLA/dev.tsv is there: --overwrite writes over it"],
    ];
    for (const [task, args, message] of refused) {
      const { code, stdout, stderr } = await runTask(task, args);
      expect([task, code, stdout]).toEqual([task, 1, ""]);
      expect(stderr).toContain(message);
      expect(stderr).not.toMatch(STACK);
    }
    expect(Deno.readFileSync(`${folder}/run/adapter_model.safetensors`)).toEqual(before);
    expect((await runTask("train", train("run", "--seed", "1", ...log, "--overwrite"))).code).toBe(0);
    expect(Deno.readFileSync(`${folder}/run/adapter_model.safetensors`)).not.toEqual(before);
    expect((await runTask("generate", ["--out", `${folder}/tasks`, "--seed", "9", "--overwrite"])).code).toBe(0);
  });

  it("has one run at a time, and a killed one leaves it to the next, which clears what was half-written", async () => {
    const out = `${folder}/shared`;
    const args = ["--model", "suite", "--task", "rte", "--data", "suite", "--method", "lora", "--out", out];
    const { process, result } = startTask("train", [...args, "--steps", "100000"], {
      async onLine(line) {
        if (!line.includes("left out") && !line.includes("made afresh")) return;
        await Deno.writeTextFile(`${out}/state.safetensors.1.2.tmp`, "half");
        const second = await runTask("train", [...args, "--steps", "2"]);
        expect(second.code).toBe(1);
        expect(second.stderr).toMatch(/shared is in use by another process \(process \d+\): wait for it/);
        Deno.kill(ownerOf(out), "SIGKILL");
      },
    });
    expect(process.pid).toBeGreaterThan(0);
    expect((await result).code).not.toBe(0);
    expect(filesUnder(out)).toContain("state.safetensors.1.2.tmp");
    const next = await runTask("train", [...args, "--steps", "2", "--resume"]);
    expect(next.code).toBe(0);
    expect(next.stdout).toContain(`resumed: ${out} holds no state yet, the run begins at step 0`);
    expect(filesUnder(out).map((name) => name.replace(/[0-9a-f]{16}/, "HASH"))).toEqual([
      ...["adapter_config.json", "adapter_model.safetensors", "labels.json"],
      ...["runs/HASH.arrow", "state.json", "state.safetensors"],
    ]);
  });

  it("is taken from nobody who has it", async () => {
    using _lock = await lockFolder(`${folder}/mine`);
    await expect(ownFolder(`${folder}/mine`, { overwrite: true })).rejects.toThrow("is in use by another process");
  });
});
