import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { ALL_METHODS } from "../../experiments/recipes/methods.ts";
import { SCALE } from "../../experiments/recipes/mod.ts";
import { glueSpecs, orderTasks } from "../../experiments/studies/glue/glue_specs.ts";
import { Inputs } from "../../experiments/runner/data/inputs.ts";
import { workAt, WorkByLength } from "../../experiments/runner/train/step_work.ts";
import { generateSuite, SUITE_SEED } from "../../experiments/suite/mod.ts";
import { hashSpec, parseSpec, type RunSpec } from "../../lib/experiment/mod.ts";
import { loadSafetensors } from "../../lib/io/mod.ts";
import { filesUnder } from "../experiment/samples.ts";
import { testFolder } from "../support/folder.ts";
import { testDevice } from "../support/device.ts";
import { rowsOf } from "./records.ts";
import { writeRoberta } from "./roberta_folder.ts";
import { runTask, type TaskResult } from "./run_task.ts";

/** A folder in GLUE's layout with a few rows of the suite's MNLI and RTE. */
async function writeData(folder: string): Promise<void> {
  for (const [name, text] of generateSuite(SUITE_SEED)) {
    if (!/^(MNLI|RTE)\//.test(name)) continue;
    await Deno.mkdir(`${folder}/${name.split("/")[0]}`, { recursive: true });
    const rows = text.split("\n").slice(0, name.includes("train") ? 65 : 41);
    await Deno.writeTextFile(`${folder}/${name}`, `${rows.join("\n")}\n`);
  }
}

/** The paper's plan, for which nothing is at hand. */
async function paperPlan(methods: readonly string[]): Promise<RunSpec[]> {
  const scale = SCALE.paper;
  const inputs = new Inputs({ model: scale.model!.id, offline: true }, scale.model);
  return await glueSpecs(inputs, { scale, tasks: [...scale.tasks, "wnli"], methods, seeds: 1, isPlan: true });
}

describe("the paper's recipes", () => {
  it("are LoRA's of 2106.09685: rates, batches, epochs, warm-up, decay, length, rank, α and checkpoint", async () => {
    const specs = await paperPlan(["lora"]);
    const table = specs.map(({ task, optimizer, batchSize, epochs }) =>
      [task, optimizer.learningRate, batchSize, epochs].join(" ")
    );
    expect(table.slice(0, 8)).toEqual([
      "mnli 0.0005 16 30",
      "sst2 0.0005 16 60",
      "mrpc 0.0004 16 30",
      "cola 0.0004 32 80",
      "qnli 0.0004 32 25",
      "qqp 0.0005 16 25",
      "rte 0.0005 32 80",
      "stsb 0.0004 16 40",
    ]);
    for (const spec of specs) {
      const { steps, epochs, batchSize, data, optimizer, checkpoint, evaluateEvery, model, method, start } = spec;
      expect(parseSpec(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
      expect(steps).toBe(Math.ceil(epochs! * data.examples / batchSize));
      expect(optimizer).toMatchObject({ name: "adamw", weightDecay: 0.1, schedule: "linear", decaysBiases: false });
      expect(optimizer.warmup).toBe(Math.ceil(0.06 * steps));
      expect([checkpoint, evaluateEvery]).toEqual(["best", Math.ceil(data.examples / batchSize)]);
      expect(model).toMatchObject({ name: "FacebookAI/roberta-base", layers: 12, hiddenSize: 768, length: 512 });
      expect(model.dropout).toBeUndefined();
      expect(method).toMatchObject({ rank: 8, alpha: 16 });
      expect(start?.task).toBe(["mrpc", "rte", "stsb"].includes(spec.task) ? "mnli" : undefined);
    }
  });

  it("are AdaLoRA's own of 2303.10512 for AdaLoRA", async () => {
    const table = (await paperPlan(["adalora"])).map(({ task, optimizer, epochs, model, method, batchSize }) => {
      const { alpha, initialRank, targetRank, warmup, final, interval, orthogonality } = method;
      const ranks = `${initialRank}→${targetRank}`;
      const schedule = `${warmup}/${final}/${interval}`;
      const { learningRate, warmup: rise, weightDecay } = optimizer;
      return [
        task,
        learningRate,
        epochs,
        model.length,
        alpha,
        ranks,
        schedule,
        orthogonality,
        rise,
        weightDecay,
        batchSize,
      ].join(" ");
    });
    expect(table.slice(0, 8)).toEqual([
      "mnli 0.0005 7 256 16 3→1 8000/50000/100 0.1 1000 0 32",
      "sst2 0.0008 24 128 16 2→1 6000/22000/100 0.1 1000 0.01 32",
      "mrpc 0.001 30 320 32 2→1 600/1800/1 0.1 344 0.01 32", // a tenth of 3,439 steps
      "cola 0.0008 25 64 32 3→1 800/3500/10 0.1 100 0 32",
      "qnli 0.0005 5 512 32 2→1 2000/8000/100 0.1 500 0.01 32",
      "qqp 0.0008 5 320 16 2→1 8000/25000/100 0.1 2000 0.01 32",
      "rte 0.0012 50 320 32 2→1 600/1800/1 0.3 200 0.01 32",
      "stsb 0.0022 25 128 32 2→1 800/2000/10 0.3 100 0.1 32",
    ]);
  });

  it("give Delta-LoRA K = 2000 and λ = 0.5, and K is a share of the run where it is asked for as one", async () => {
    for (const { task, method, steps } of await paperPlan(["delta-lora"])) {
      expect(method).toMatchObject({ lambda: 0.5, startStep: task === "wnli" ? Math.floor(steps / 4) : 2000 });
      expect(steps).toBeGreaterThan(Number(method.startStep)); // or W would never move
    }
    const options = { scale: SCALE.default, tasks: ["cola"], methods: ["delta-lora"], seeds: 1, steps: 50 } as const;
    const startOf = async (startStep: number) =>
      (await glueSpecs(new Inputs(), { ...options, startStep }))[0].method.startStep;
    expect(await Promise.all([0.1, 7, 0, -1].map(startOf))).toEqual([5, 7, 0, -1]);
  });

  it("name the start by the hash of its spec, the MNLI run of the same method and seed", async () => {
    const specs = await paperPlan(["lora", "full"]);
    const hashes = await Promise.all(specs.map(hashSpec));
    const begun = specs.filter(({ start }) => start);
    expect(begun).toHaveLength(6);
    for (const { start, method, seed } of begun) {
      const origin = specs[hashes.indexOf(start!.run)];
      expect([origin.task, origin.method.name, origin.seed]).toEqual(["mnli", method.name, seed]);
    }
  });

  it("run MNLI first where others start from it, asked for or not", () => {
    const options = { scale: SCALE.paper, methods: ["lora"] };
    expect(orderTasks({ ...options, tasks: ["rte", "cola"] })).toEqual(["mnli", "rte", "cola"]);
    expect(orderTasks({ ...options, tasks: ["rte"], startsAtModel: true })).toEqual(["rte"]);
    expect(orderTasks({ ...options, tasks: ["cola"] })).toEqual(["cola"]);
  });

  it("exist for every method and task", async () => {
    for (const spec of await paperPlan(ALL_METHODS)) expect(parseSpec(spec)).toEqual(spec);
  });
});

describe("WorkByLength", () => {
  it("finds the work of a deep model's plan from those of shallow ones, at another length and batch size", async () => {
    await testDevice();
    const config = {
      model_type: "roberta",
      vocab_size: 100,
      hidden_size: 64,
      num_hidden_layers: 5,
      num_attention_heads: 4,
      intermediate_size: 128,
      max_position_embeddings: 130,
    };
    const inputs = new Inputs({ model: "a/b", offline: true }, { id: "a/b", config });
    const model = await inputs.model();
    const scale = SCALE.paper;
    const methods = ["full", "delta-lora"];
    for (const spec of await glueSpecs(inputs, { scale, tasks: ["rte"], methods, seeds: 1, isPlan: true })) {
      const there = workAt(96, { spec, model });
      const here = new WorkByLength(model).at(96, spec);
      expect(Math.abs(here.step / there.step - 1)).toBeLessThan(0.02);
      expect(Math.abs(here.score / there.score - 1)).toBeLessThan(0.02);
    }
  });

  it("finds the work between lengths of a model of few tokens, which grows with their square", async () => {
    await testDevice();
    const inputs = new Inputs({});
    const model = await inputs.model();
    expect(model.reference.maxLength).toBe(64);
    const [spec] = await glueSpecs(inputs, { scale: SCALE.default, tasks: ["rte"], methods: ["lora"], seeds: 1 });
    const work = new WorkByLength(model);
    for (const length of [8, 24, 48, 64]) {
      const [here, there] = [work.at(length, spec), workAt(length, { spec, model })];
      expect(here.step / there.step).toBeCloseTo(1, 9);
      expect(here.score / there.score).toBeCloseTo(1, 9);
    }
    const { step } = work.at(40, spec);
    expect(step).toBeLessThan(0.999 * (work.at(16, spec).step + work.at(64, spec).step) / 2);
  });

  it("keeps the work of methods apart that differ in any option but numbers that are data", async () => {
    await testDevice();
    const config = {
      model_type: "bert",
      vocab_size: 100,
      hidden_size: 64,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      intermediate_size: 128,
    };
    const inputs = new Inputs({ model: "a/b", offline: true }, { id: "a/b", config });
    const work = new WorkByLength(await inputs.model());
    const options = { scale: SCALE.paper, tasks: ["mrpc"], methods: ["mora", "lora"], seeds: 1, isPlan: true } as const;
    const [mora, lora] = await glueSpecs(inputs, options);
    const stepOf = (spec: typeof lora, own: Record<string, string | number>) =>
      work.at(64, { ...spec, method: { ...spec.method, ...own } }).step;
    expect(stepOf(mora, { map: "rotation" })).not.toBe(stepOf(mora, { map: "sharing" }));
    expect(stepOf(lora, { alpha: 8 })).toBe(stepOf(lora, { alpha: 16 }));
  });

  it("counts steps of several kinds by their shares of a run, and what each writes into weights", async () => {
    await testDevice();
    // Beyond 64 columns GaLore finds its directions by products.
    const [layers, C, r] = [2, 96, 4];
    const config = {
      model_type: "bert",
      vocab_size: 100,
      hidden_size: C,
      num_hidden_layers: layers,
      num_attention_heads: 4,
      intermediate_size: 2 * C,
    };
    const inputs = new Inputs({ model: "a/b", offline: true }, { id: "a/b", config });
    const work = new WorkByLength(await inputs.model());
    const options = {
      scale: SCALE.paper,
      tasks: ["mrpc"],
      methods: ["galore", "relora"],
      seeds: 1,
      isPlan: true,
    } as const;
    const [galore, relora] = await glueSpecs(inputs, options);
    const stepOf = (spec: RunSpec, own: Record<string, number>, other: Partial<RunSpec> = {}) => {
      const optimizer = { ...spec.optimizer, warmup: 0 };
      return work.at(64, { ...spec, optimizer, ...other, method: { ...spec.method, ...own } }).step;
    };
    // The first step of a run is a refresh: of ten steps a tenth, of two a half.
    const [ten, two, one] = [10, 2, 1].map((steps) => stepOf(galore, { rank: r, refreshEvery: 10 }, { steps }));
    expect(two).toBeGreaterThan(ten);
    expect((one - ten) / (two - ten)).toBeCloseTo((1 - 0.1) / (0.5 - 0.1), 5);
    // A restart writes B·A into targets, of which each has one or more squares of C·C: 2·C·C·r operations for each.
    const [with2, without] = [5, 20].map((interval) => stepOf(relora, { rank: r, interval }, { steps: 10 }));
    const squares = 10 * (with2 - without) / 2 / (2 * C * C * r);
    expect(squares).toBeCloseTo(Math.round(squares), 3);
    expect(squares).toBeGreaterThan(2 * layers - 0.5);
    // Of twice as many examples it is twice the work, but for what is done to weights.
    const [small, large] = [16, 32].map((batchSize) => stepOf(relora, { rank: r, interval: 1 }, { batchSize }));
    expect((2 * small - large) / (2 * C * C * r)).toBeCloseTo(squares, 3);
  });

  it("is that of the products of an encoder, forward and backward", async () => {
    await testDevice();
    const [layers, C, F, B, T] = [3, 64, 128, 16, 64];
    const config = {
      model_type: "bert",
      vocab_size: 100,
      hidden_size: C,
      num_hidden_layers: layers,
      num_attention_heads: 4,
      intermediate_size: F,
    };
    const inputs = new Inputs({ model: "a/b", offline: true }, { id: "a/b", config });
    const model = await inputs.model();
    const options = { scale: SCALE.paper, tasks: ["mrpc"], methods: ["full", "lora"], seeds: 1, isPlan: true } as const;
    const [full, lora] = (await glueSpecs(inputs, options)).map((spec) =>
      workAt(T, { spec: { ...spec, batchSize: B }, model })
    );
    // Projections, feed-forward and attention; of the last layer keys and values alone are made of all tokens.
    const layer = (tokens: number) => 2 * B * (2 * T * C * C + tokens * (2 * C * C + 2 * C * F + 2 * T * C));
    const forward = (layers - 1) * layer(T) + layer(1) + 2 * B * C * C;
    expect(Math.abs(full.score / (forward * 64 / B) - 1)).toBeLessThan(0.02);
    expect(Math.abs(full.step / (3 * forward) - 1)).toBeLessThan(0.1);
    // Nothing is derived by frozen weights, nor by what lies below the first factors.
    expect(lora.step / forward).toBeGreaterThan(1.8);
    expect(lora.step / forward).toBeLessThan(2.5);
  });
});

describe("deno task reproduce glue --scale paper", () => {
  const METHODS = ["full", "lora", "delta-lora"];
  const folder = testFolder();
  let result: TaskResult;
  let args: string[];
  const out = () => `${folder}/out`;

  beforeAll(async () => {
    await writeRoberta(`${folder}/tiny`);
    await writeData(`${folder}/glue`);
    args = ["glue", "--scale", "paper", "--model", `${folder}/tiny`, "--data", `${folder}/glue`];
    const few = [
      "--tasks",
      "rte",
      "--methods",
      METHODS.join(","),
      "--seeds",
      "1",
      "--steps",
      "6",
      "--start-step",
      "0.5",
    ];
    args.push(...few, "--learning-rate", "0.01");
    result = await runTask("reproduce", [...args, "--out", out()]);
  });

  it("trains MNLI first and says so, and keeps what others start from", async () => {
    expect(result.code).toBe(0);
    expect(result.stdout).toContain("runs: 6 = mnli, rte × full, lora, delta-lora × 1 seed; 0 of them recorded");
    expect(result.stdout).toContain("added: mnli, from whose runs rte start");
    const rows = await rowsOf(`${out()}/runs.arrow`);
    expect(rows.map(({ task, method }) => `${task} ${method}`))
      .toEqual([...METHODS.map((name) => `mnli ${name}`), ...METHODS.map((name) => `rte ${name}`)]);
    const kept = rows.slice(0, 3).map(({ hash }) => `trained/${hash}.safetensors`).sort();
    expect(filesUnder(out()).filter((name) => name.startsWith("trained/"))).toEqual(kept);
    // Delta-LoRA leaves the weights that it wrote, LoRA its factors and its head alone.
    const names = async (row: number) =>
      Object.keys((await loadSafetensors(`${out()}/trained/${rows[row].hash}.safetensors`)).tensors);
    expect((await names(1)).filter((name) => name.startsWith("base/"))).toEqual([]);
    expect((await names(2)).filter((name) => name.startsWith("base/"))).toHaveLength(4);
  });

  it("starts from what the MNLI run learned: its first loss is another one than from the model itself", async () => {
    const alone = await runTask("reproduce", [...args, "--start", "model", "--out", `${folder}/alone`]);
    expect(alone.code).toBe(0);
    const lossesOf = async (path: string) => {
      const curves = await rowsOf(`${path}/curves.arrow`);
      return METHODS.map((name) =>
        curves.find(({ task, method, step }) => task === "rte" && method === name && step === 0)!.loss
      );
    };
    const [begun, fresh] = [await lossesOf(out()), await lossesOf(`${folder}/alone`)];
    for (const i of METHODS.keys()) expect(begun[i]).not.toBe(fresh[i]);
    // Before the first step both low-rank methods are the model itself.
    expect(fresh[1]).toBe(fresh[2]);
  });

  it("scores the best state on the way, MNLI's mismatched examples, too, and prints both rules", async () => {
    const rows = await rowsOf(`${out()}/runs.arrow`);
    for (const { task, bestStep, mismatchedAccuracy, accuracy, checkpoint } of rows) {
      expect(checkpoint).toBe("best");
      expect(accuracy).toBeGreaterThanOrEqual(0);
      expect([4, 6, 2]).toContain(bestStep);
      expect(mismatchedAccuracy === null).toBe(task !== "mnli");
    }
    expect(result.stdout).toContain("| mnli (accuracy) | mnli-mm (accuracy) | rte (accuracy) | average |");
    expect(result.stdout).toContain("dev split; best checkpoint on that split, which flatters it.");
    expect(result.stdout).toContain("rte from the mnli run of the same method and seed");
    expect(result.stdout).toMatch(/delta-lora: K = 3 of 6 steps, λ = 0.5; W was written 2 times in each run/);
  });

  it("goes on without its records of RTE to the same values, and says what is missing where the start is", async () => {
    const before = await rowsOf(`${out()}/runs.arrow`);
    const last = before.at(-1)!;
    await Deno.remove(`${out()}/runs/${last.hash}.arrow`);
    const again = await runTask("reproduce", [...args, "--out", out()]);
    expect(again.code).toBe(0);
    expect(again.stdout).toContain("5 of them recorded");
    expect((await rowsOf(`${out()}/runs.arrow`)).at(-1)!.score).toBe(last.score);

    await Deno.remove(`${out()}/runs/${last.hash}.arrow`);
    await Deno.remove(`${out()}/trained/${before[2].hash}.safetensors`);
    const lost = await runTask("reproduce", [...args, "--out", out()]);
    expect(lost.code).toBe(1);
    expect(lost.stderr).toContain(`cannot start from the mnli run ${before[2].hash}: there is no `);
  });

  it("prints with --dry-run the plan, its work and its time, and writes nothing", async () => {
    const plan = ["glue", "--scale", "paper", "--model", `${folder}/tiny`, "--data", `${folder}/glue`];
    const more = ["--tasks", "mnli,rte", "--methods", "lora,delta-lora", "--seeds", "2", "--dry-run"];
    const { code, stdout } = await runTask("reproduce", [...plan, ...more, "--out", `${folder}/dry`]);
    expect(code).toBe(0);
    expect(stdout).toContain("measured on a few steps of each method, and scaled by work");
    // 64 examples: 30 epochs of 4 steps, and 80 of 2.
    expect(stdout).toMatch(
      /\| mnli \| lora +\| +0 1 \| +120 \| +30 \| +5e-4 \| +8 \| +0\.1 \| +16 \| +17 \| best of every 4/,
    );
    expect(stdout).toMatch(/\| rte +\| lora +\| .* 160 \| +80 \| .* mnli run +\| /);
    expect(stdout).toMatch(/\| mnli +\| delta-lora .* 2000: W is never written \| +[\d.]+ G \| /);
    expect(stdout).toMatch(/^delta-lora: rank 8, alpha 16, .*lambda 0\.5, startStep 2000, .*optimizer adamw/m);
    expect(filesUnder(folder).filter((name) => name.startsWith("dry"))).toEqual([]);
  });

  it("plans RoBERTa-base on all of GLUE with neither model nor data", async () => {
    const runs = ["--scale", "paper", "--methods", "lora,lora-scaled", "--tasks", "mnli", "--seeds", "1"];
    const { code, stdout } = await runTask("reproduce", [
      ...["glue", ...runs],
      ...["--cells", "2", "--parallel", "1", "--dry-run", "--json", "--offline"],
    ]);
    expect(code).toBe(0);
    const { plan, basis, programs } = JSON.parse(stdout);
    // Two together, or one after the other where there is no room: so much is known of them without their data.
    const { cells, ...program } = programs[0];
    expect([programs.length, program]).toEqual([1, {
      tasks: ["mnli"],
      methods: ["lora", "lora-scaled"],
      sharedSteps: 0,
    }]);
    expect([[2], [1, 1]]).toContainEqual(cells);
    expect(basis).toMatch(/^no less than the work takes at [\d.e+]+ GFLOP\/s/);
    const [{ operations, seconds, spec }] = plan;
    expect(spec.steps).toBe(Math.ceil(30 * 392702 / 16));
    // Four operations for each of 85 million weights in the layers and each of 98 tokens of 16 examples.
    const products = spec.steps * 16 * 98 * 4 * 85e6;
    expect(Math.abs(operations / products - 1)).toBeLessThan(0.1);
    expect(seconds).toBeGreaterThan(0);
  });

  it("needs data to run", async () => {
    const { code, stderr } = await runTask("reproduce", ["glue", "--scale", "paper", "--out", `${folder}/none`]);
    expect([code, stderr]).toEqual([1, "reproduce: --scale paper needs GLUE's files: --data DIR\n"]);
  });
});
