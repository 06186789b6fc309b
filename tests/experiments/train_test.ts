import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { lockFlags } from "../../experiments/runner/locked.ts";
import { loadAdapter, loadSafetensors } from "../../lib/io/mod.ts";
import { testFolder } from "../support/folder.ts";
import { TEST_DEVICE } from "../support/devices.ts";
import { hashSpec, parseSpec, readRecord } from "../../lib/experiment/mod.ts";
import { filesUnder } from "../experiment/samples.ts";
import { writeSuiteModel } from "../../experiments/suite/suite_folder.ts";
import { ROOT, runTask, STACK, startTask, type TaskResult } from "./run_task.ts";

const STEPS = 32;

/** Waits for a file, and says what it holds. */
async function whenThere(path: string): Promise<string> {
  for (;;) {
    try {
      return await Deno.readTextFile(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

/** Starts the command without its launcher, so that it can be killed itself. */
function startScript(args: readonly string[]): Deno.ChildProcess {
  const device = TEST_DEVICE === undefined ? [] : ["--device", TEST_DEVICE];
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      ...lockFlags(),
      "--allow-all",
      new URL("experiments/cli/train.ts", ROOT).pathname,
      ...args,
      ...device,
    ],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

describe("deno task train", () => {
  const folder = testFolder();
  let args: string[];
  let whole: TaskResult;
  const lines = (name: string) => Deno.readTextFileSync(`${folder}/${name}`).trimEnd().split("\n");
  const bytes = (name: string) => Deno.readFileSync(`${folder}/${name}`);

  beforeAll(async () => {
    await writeSuiteModel(`${folder}/model`);
    args = [
      "--model",
      `${folder}/model`,
      "--task",
      "rte",
      "--data",
      "suite",
      "--steps",
      String(STEPS),
      "--learning-rate",
      "5e-3",
    ];
    whole = await runTask("train", [...args, "--out", `${folder}/whole`, "--log", `${folder}/whole.jsonl`, "--json"]);
  });

  const save = (name: string) => [
    ...[...args, "--out", `${folder}/${name}`, "--log", `${folder}/${name}.jsonl`, "--save-every", "3"],
  ];

  /** Stops a run once its first state is there, and gives the steps that its last one has. */
  async function stop<Ended>(name: string, end: () => Promise<Ended>): Promise<{ step: number; ended: Ended }> {
    await whenThere(`${folder}/${name}/state.json`);
    const ended = await end();
    const { step } = JSON.parse(await Deno.readTextFile(`${folder}/${name}/state.json`));
    expect(step).toBeGreaterThanOrEqual(3);
    expect(step).toBeLessThan(STEPS);
    return { step, ended };
  }

  /** Goes on with a run, and expects the bits of the one that was left alone. */
  async function expectSameEnd(name: string, step: number) {
    const resumed = await runTask("train", [...save(name), "--resume"]);
    expect(resumed.code).toBe(0);
    expect(resumed.stdout).toContain(`resumed: ${step} of ${STEPS} steps are done`);
    expect(lines(`${name}.jsonl`)).toEqual(lines("whole.jsonl"));
    const [own, other] = [name, "whole"].map((run) => bytes(`${run}/state.safetensors`));
    expect(own).toEqual(other);
    expect(bytes(`${name}/adapter_model.safetensors`)).toEqual(bytes("whole/adapter_model.safetensors"));
  }

  it("writes an adapter in PEFT's format, the labels, and the state, and nothing half-written", async () => {
    expect(whole.code).toBe(0);
    const { spec } = JSON.parse(whole.stdout);
    const hash = await hashSpec(spec);
    expect(filesUnder(`${folder}/whole`)).toEqual([
      ...["adapter_config.json", "adapter_model.safetensors", "labels.json"],
      ...[`runs/${hash}.arrow`, "state.json", "state.safetensors"],
    ]);
    const { config, tensors } = await loadAdapter(`${folder}/whole`);
    expect(config).toMatchObject({
      peft_type: "LORA",
      task_type: "SEQ_CLS",
      base_model_name_or_path: `${folder}/model`,
      r: 16,
      lora_alpha: 32,
      modules_to_save: ["bert.pooler", "classifier"],
    });
    expect(tensors["base_model.model.classifier.weight"].shape).toEqual([2, 64]);
    const { tensors: state } = await loadSafetensors(`${folder}/whole/state.safetensors`);
    expect(await state.step.item()).toBe(STEPS);
    // What Delta-LoRA writes, and nothing else of the base.
    expect(Object.keys(state).filter((name) => name.startsWith("base/"))).toHaveLength(4);
  });

  it("logs a JSON line a step with a loss that falls, the schedule's rate, and the batch's tokens", () => {
    const log = lines("whole.jsonl").map((line) => JSON.parse(line));
    expect(log.map(({ step }) => step)).toEqual(Array.from({ length: STEPS }, (_, i) => i));
    expect(Object.keys(log[0])).toEqual(["step", "loss", "learningRate", "gradNorm", "tokens"]);
    const mean = (part: typeof log) => part.reduce((sum, { loss }) => sum + loss, 0) / part.length;
    expect(mean(log.slice(-8))).toBeLessThan(mean(log.slice(0, 8)));
    // Six per cent of 32 steps are 2 of warm-up.
    const rates = log.map((_, i) => 5e-3 * (i < 2 ? i / 2 : (STEPS - i) / (STEPS - 2)));
    log.forEach(({ learningRate }, i) => expect(learningRate).toBeCloseTo(rates[i], 8));
    for (const { tokens, gradNorm } of log) {
      expect(tokens).toBeGreaterThan(16 * 5);
      expect(gradNorm).toBeGreaterThan(0);
    }
  });

  it("gives with --json one document with the metrics and all that decided them", () => {
    const { task, method, metrics, writes, spec } = JSON.parse(whole.stdout);
    expect({ task, method, writes }).toEqual({ task: "rte", method: "delta-lora", writes: 23 });
    expect(Object.keys(metrics)).toEqual(["dev"]);
    expect(parseSpec(spec)).toEqual(spec);
    expect(spec).toMatchObject({
      version: 1,
      experiment: "train",
      task: "rte",
      kind: "classification",
      model: { name: "model", length: 64 },
      method: { rank: 8, alpha: 16, lambda: 0.5, startStep: 8, targets: "query,value" },
      optimizer: { warmup: 2, clip: 1 },
    });
    expect(whole.stderr).toContain("made afresh: bert.pooler.dense.weight");
  });

  it("goes on after SIGKILL to the bits of a run that was left alone, log and all", async () => {
    const process = startScript(save("killed"));
    const { step } = await stop("killed", async () => {
      process.kill("SIGKILL");
      expect((await process.status).success).toBe(false);
    });
    expect(step % 3).toBe(0);
    await expectSameEnd("killed", step);
  });

  it("leaves the record of the run, as every run does, with all steps and the score, killed on its way or not", async () => {
    const { spec, metrics } = JSON.parse(whole.stdout);
    const hash = await hashSpec(spec);
    for (const name of ["whole", "killed"]) {
      const record = await readRecord(`${folder}/${name}/runs/${hash}.arrow`);
      expect(record).toMatchObject({ hash, spec, status: "finished", result: { metrics: metrics.dev, writes: 23 } });
      const log = lines("whole.jsonl").map((line) => JSON.parse(line));
      expect(record.result!.curve.map(({ step, loss, gradNorm, learningRate }) => [step, loss, gradNorm, learningRate]))
        .toEqual(log.map(({ step, loss, gradNorm, learningRate }) => [step, loss, gradNorm, learningRate]));
    }
  });

  it("saves its state at Ctrl-C, says how to go on, and refuses to with another flag", async () => {
    const { process, result } = startTask("train", save("interrupted"));
    const { step, ended } = await stop("interrupted", () => {
      process.kill("SIGINT");
      return result;
    });
    expect(ended.code).toBe(130);
    expect(ended.stderr).toContain("train: interrupted: the same command with --resume goes on from here");
    expect(ended.stderr).not.toMatch(STACK);
    expect(lines("interrupted.jsonl")).toEqual(lines("whole.jsonl").slice(0, step));

    const out = ["--out", `${folder}/interrupted`, "--resume"];
    const before = bytes("interrupted/state.safetensors");
    for (
      const [other, message] of [
        [["--seed", "1"], "as --seed was 0 there, not 1"],
        [["--clip", "2"], "as --clip was 1 there, not 2"],
        [["--dropout", "0.2"], "as --dropout was not given there, not 0.2"],
        // K and warm-up follow from the steps: they differ, too.
        [["--steps", "64"], "as --steps was 32 there, not 64"],
      ] as const
    ) {
      const given = other[0] === "--steps" ? args.with(args.indexOf("--steps") + 1, other[1]) : [...args, ...other];
      const { code, stdout, stderr } = await runTask("train", [...given, ...out]);
      expect([code, stdout]).toEqual([1, ""]);
      expect(stderr).toContain(`train: cannot resume from ${folder}/interrupted ${message}`);
    }
    expect(bytes("interrupted/state.safetensors")).toEqual(before);
  });

  const wrong: [args: string[], message: string][] = [
    [["--modell", "x"], "unknown flag --modell: did you mean --model? See --help"],
    [["--method", "delta"], 'unknown method "delta"'],
    [["--method", "lora", "--lambda", "1"], "--lambda is nothing of method lora"],
    [
      ["--targets", "querry"],
      "matches none of 14 linear layers: nearest are bert.encoder.layer.0.attention.self.query",
    ],
    [["--targets", "/(/"], "--targets /(/ is no regular expression"],
    [["--schedule", "cosin"], 'did you mean "cosine"?'],
    [["--warmup", "32"], "--warmup 32 leaves nothing of 32 steps"],
    [["--max-length", "65"], "has positions for: 64"],
    [["--dropout", "1"], '--dropout is a rate below 1, not "1"'],
    [["--epochs", "2"], "--steps and --epochs exclude each other"],
    [["--columns", "a,b"], "--task and --columns exclude each other"],
    [["--kind", "scores"], "--kind belongs to --columns"],
    [["--adapter-init", "/nowhere"], "cannot read /nowhere/adapter_config.json"],
    [["--resume", "--overwrite"], "--overwrite and --resume exclude each other"],
    [["--shuffle", "no"], 'unknown value of --shuffle "no"'],
  ];
  it("refuses what is wrong in one line that names it, before anything is written", async () => {
    for (const [flags, message] of wrong) {
      const { code, stdout, stderr } = await runTask("train", [...args, "--out", `${folder}/none`, ...flags]);
      expect([flags, code, stdout]).toEqual([flags, 1, ""]);
      expect(stderr).toContain(message);
      expect(stderr.match(/^train: .+$/gm)).toHaveLength(1);
      expect(stderr).not.toMatch(STACK);
    }
    expect(filesUnder(folder).filter((name) => name.startsWith("none"))).toEqual([]);
  });
});
