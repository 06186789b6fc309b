import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { ALL_METHODS, METHODS } from "../../experiments/recipes/methods.ts";
import { SCALE } from "../../experiments/recipes/mod.ts";
import { glueSpecs, type GlueSpecsOptions } from "../../experiments/studies/glue/glue_specs.ts";
import { Inputs } from "../../experiments/runner/data/inputs.ts";
import { Trainer } from "../../experiments/runner/train/trainer.ts";
import { parseSpec, runAll, type RunResult, type RunSpec } from "../../lib/experiment/mod.ts";
import { GLUE_TASKS } from "../../lib/data/mod.ts";
import type { Device } from "../../lib/device/mod.ts";
import { withFolder } from "../experiment/samples.ts";
import { testDevice } from "../support/device.ts";

const onProgress = () => {};

/** A spec with a rate so large that weights, and in the end losses, leave the numbers of f32. */
function explosive(spec: RunSpec, learningRate: number): RunSpec {
  return { ...spec, optimizer: { ...spec.optimizer, learningRate, clip: 1e30 } };
}

/** Specs on the suite. */
function suiteSpecs(options: Omit<GlueSpecsOptions, "scale">): Promise<RunSpec[]> {
  return glueSpecs(new Inputs(), { scale: SCALE.default, ...options });
}

/** What two runs of the same spec have in common. */
function valuesOf({ wallSeconds: _, stepsPerSecond: __, curve, ...values }: RunResult) {
  return { ...values, curve: curve.map(({ elapsedSeconds: _, ...point }) => point) };
}

describe("glueSpecs()", () => {
  it("lists specs that are right, by task, then method, then seed", async () => {
    const options = { tasks: ["rte", "cola"], methods: ["full", "lora"], seeds: 2, steps: 8 } as const;
    const specs = await suiteSpecs(options);
    expect(specs.map(({ task, method, seed }) => `${task} ${method.name} ${seed}`)).toEqual([
      "rte full 0",
      "rte full 1",
      "rte lora 0",
      "rte lora 1",
      "cola full 0",
      "cola full 1",
      "cola lora 0",
      "cola lora 1",
    ]);
    for (const spec of specs) expect(parseSpec(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
    expect(await suiteSpecs(options)).toEqual(specs);
  });

  it("gives Delta-LoRA and LoRA the same rank, α, targets and rate", async () => {
    const [lora, deltaLora] = await suiteSpecs({
      tasks: ["cola"],
      methods: ["lora", "delta-lora"],
      seeds: 1,
      steps: 8,
    });
    expect(deltaLora.method).toMatchObject({ ...lora.method, name: "delta-lora" });
    expect(deltaLora.optimizer).toEqual(lora.optimizer);
  });
});

describe("Trainer", () => {
  let device: Device;
  let specs: RunSpec[];
  let trainer: Trainer;
  const specOf = (task: string, method: string, seed = 0) =>
    specs.find((spec) => spec.task === task && spec.method.name === method && spec.seed === seed)!;

  beforeAll(async () => {
    device = await testDevice();
    specs = await suiteSpecs({ tasks: ["cola", "stsb"], methods: METHODS, seeds: 2, steps: 4 });
    trainer = new Trainer(device, new Inputs());
  });
  afterAll(() => trainer.close());

  it("scores every metric of the task and logs every step, with K + 1 steps before the first write of W", async () => {
    const spec = specOf("stsb", "delta-lora");
    const steps: number[] = [];
    const result = await trainer.run(spec, { onProgress: ({ step }) => steps.push(step) });
    expect(Object.keys(result.metrics)).toEqual([...GLUE_TASKS.stsb.metrics]);
    expect(result.curve.map(({ step }) => step)).toEqual([0, 1, 2, 3]);
    expect(steps).toEqual([1, 2, 3, 4]);
    expect(spec.method.startStep).toBe(1);
    expect(result.writes).toBe(4 - (1 + 1));
    expect(result.trainableParameters).toBeLessThan(result.totalParameters / 5);
    expect(result.device).toContain(device.report.name);
    expect(result.kernels).toContain("matmul");
  });

  it("gives the same bits again, also when another method ran in between, and the same peak of memory", async () => {
    const spec = specOf("cola", "delta-lora");
    const first = await trainer.run(spec, { onProgress });
    await trainer.run(specOf("cola", "full"), { onProgress });
    const second = await trainer.run(spec, { onProgress });
    const other = await trainer.run(specOf("cola", "delta-lora", 1), { onProgress });
    expect(valuesOf(second)).toEqual(valuesOf(first));
    expect(other.curve[3].loss).not.toBe(first.curve[3].loss);
    // Neither what ran before counts nor what the collector has not seen yet.
    expect(other.peakBytes).toBe(first.peakBytes);
  });

  it("records a run whose loss is no number as failed, and runs the others", async () => {
    const [good, other] = [specOf("cola", "lora"), specOf("cola", "lora", 1)];
    await withFolder(async (out) => {
      await Deno.mkdir(`${out}/runs`);
      const records = await Array.fromAsync(runAll([explosive(good, 1e30), good, other], { out, run: trainer.run }));
      expect(records.map(({ status }) => status)).toEqual(["failed", "finished", "finished"]);
      expect(records[0].error).toMatch(
        /^the (loss|norm of the gradients) is (NaN|Infinity) at step \d: a lower learning rate/,
      );
      const alone = await trainer.run(good, { onProgress });
      expect(valuesOf(records[1].result!)).toEqual(valuesOf(alone));
    });
  });

  it("fails a run whose last step broke the weights, although its last loss was a number", async () => {
    const [one] = await suiteSpecs({ tasks: ["cola"], methods: ["lora"], seeds: 1, steps: 1 });
    const short = new Trainer(device, new Inputs());
    try {
      const run = short.run(explosive(one, 3e38), { onProgress });
      await expect(run).rejects.toMatchObject({ name: "TrainingFailed" });
      await expect(run).rejects.toThrow(/^the model answers -?(NaN|Infinity) to example 0: /);
    } finally {
      short.close();
    }
  });

  it("names the nearest weights where a pattern matches none", async () => {
    const spec = specOf("cola", "lora");
    const lost = {
      ...spec,
      method: { ...spec.method, targets: "bert\\.encoder\\.layer\\.\\d+\\.attention\\.self\\.qurey" },
    };
    await expect(trainer.run(lost, { onProgress })).rejects.toThrow(
      /cannot select targets as .* matches none of \d+ linear layers: nearest are bert\.encoder\.layer\.0\.attention\.self\.query/,
    );
  });

  it("ends between two steps when it is told to, with the reason, and gives its memory back", async () => {
    const spec = specOf("cola", "lora");
    await trainer.run(spec, { onProgress });
    await device.done();
    const before = device.memory().liveBytes;
    const controller = new AbortController();
    const run = trainer.run(spec, {
      onProgress: ({ step }) => step === 2 && controller.abort(new Error("enough")),
      signal: controller.signal,
    });
    await expect(run).rejects.toThrow("enough");
    await device.done();
    expect(Math.abs(device.memory().liveBytes / before - 1)).toBeLessThan(0.05);
  });

  it("runs every method even for one step", async () => {
    const short = new Trainer(device, new Inputs());
    const all = await suiteSpecs({ tasks: ["cola"], methods: ALL_METHODS, seeds: 1, steps: 1 });
    for (const spec of all) expect((await short.run(spec, { onProgress })).curve).toHaveLength(1);
    short.close();
  });

  it("scores the first of the best states on the way, as a run that ends there does", async () => {
    const [usual] = await suiteSpecs({ tasks: ["rte"], methods: ["full"], seeds: 1, steps: 24 });
    const optimizer = { ...usual.optimizer, schedule: "constant", warmup: 0, learningRate: 1e-3 } as const;
    const spec: RunSpec = { ...usual, optimizer };
    const scores: number[] = [];
    for (const steps of [6, 12, 18, 24]) {
      scores.push((await trainer.run({ ...spec, steps }, { onProgress })).metrics.accuracy);
    }
    const best = await trainer.run({ ...spec, checkpoint: "best", evaluateEvery: 6 }, { onProgress });
    const [highest, last] = [Math.max(...scores), scores.at(-1)];
    expect(last).not.toBe(highest);
    expect([best.metrics.accuracy, best.bestStep]).toEqual([highest, 6 * (scores.indexOf(highest) + 1)]);
    expect(best.curve.map(({ step }) => step)).toEqual(Array.from({ length: 24 }, (_, step) => step));
    const times = best.curve.map(({ elapsedSeconds }) => elapsedSeconds);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    const alone = await trainer.run(spec, { onProgress });
    expect(best.curve.map(({ loss }) => loss)).toEqual(alone.curve.map(({ loss }) => loss));
  });

  it("scores late states by their mean, beside the last one's, wherever the run was interrupted", async () => {
    const [usual] = await suiteSpecs({ tasks: ["rte"], methods: ["full"], seeds: 1, steps: 20, checkpoint: "late" });
    expect([usual.checkpoint, usual.evaluateEvery]).toEqual(["late", 2]);
    const optimizer = { ...usual.optimizer, schedule: "constant", warmup: 0, learningRate: 1e-3 } as const;
    const spec: RunSpec = { ...usual, optimizer };
    const { checkpoint: _, evaluateEvery: __, ...rest } = spec;
    const scores: number[] = [];
    for (const steps of [16, 18, 20]) {
      scores.push((await trainer.run({ ...rest, checkpoint: "last", steps }, { onProgress })).metrics.accuracy);
    }
    expect(new Set(scores).size).toBeGreaterThan(1);
    const late = await trainer.run(spec, { onProgress });
    expect(late.metrics.accuracy).toBeCloseTo(scores.reduce((a, b) => a + b) / 3, 12);
    expect(late.metrics.lastAccuracy).toBe(scores[2]);
    // A state between two of them keeps what was scored.
    const folder = await Deno.makeTempDir({ prefix: "delta-dawn-" });
    const states = { folder, every: 17, isResumed: false };
    const controller = new AbortController();
    const stop = trainer.train(spec, {
      states,
      signal: controller.signal,
      onStep: ({ step }) => step === 17 && controller.abort(new Error("enough")),
    });
    await expect(stop).rejects.toThrow("enough");
    const resumed = await trainer.train(spec, { states: { ...states, isResumed: true } });
    expect(resumed.metrics).toEqual(late.metrics);
    await Deno.remove(folder, { recursive: true });
  });

  it("takes optimizer, schedule, dropout and clipping from the spec", async () => {
    const spec = specOf("cola", "full");
    const lossesOf = async (parts: Partial<RunSpec>) =>
      (await trainer.run({ ...spec, ...parts }, { onProgress })).curve.map(({ loss }) => loss);
    const usual = await lossesOf({});
    const { optimizer, model } = spec;
    const others = [await lossesOf({ model: { ...model, dropout: 0.1 } })];
    others.push(await lossesOf({ optimizer: { ...optimizer, name: "sgd", momentum: 0.9 } }));
    others.push(await lossesOf({ optimizer: { ...optimizer, schedule: "cosine" } }));
    others.push(await lossesOf({ optimizer: { ...optimizer, clip: 1e-3 } }));
    others.push(await lossesOf({ optimizer: { ...optimizer, decaysBiases: false, weightDecay: 100 } }));
    expect(new Set([usual, ...others].map(String)).size).toBe(6);
    const rates = (await trainer.run({ ...spec, optimizer: { ...optimizer, schedule: "constant" } }, { onProgress }))
      .curve.map(({ learningRate }) => learningRate / optimizer.learningRate);
    expect(rates.map((rate) => Number(rate.toFixed(5)))).toEqual([0, 1, 1, 1]);
  });

  it("refuses a spec whose model or data are others than those at hand", async () => {
    const spec = specOf("cola", "lora");
    for (const part of ["model", "data"] as const) {
      const other = { ...spec, [part]: { ...spec[part], hash: "0".repeat(64) } };
      await expect(trainer.run(other, { onProgress })).rejects.toThrow(/^cannot run cola lora as the (model|data) of /);
    }
  });

  it("estimates a time for a run", async () => {
    const seconds = await trainer.estimate(specOf("cola", "lora"));
    expect(seconds).toBeGreaterThan(0);
    expect(await trainer.estimate({ ...specOf("cola", "lora"), steps: 4_000_000 })).toBeGreaterThan(100 * seconds);
  });
});
