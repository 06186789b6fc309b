import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { GlueGrid, GlueTrainer } from "../../experiments/glue.ts";
import { METHODS } from "../../experiments/methods.ts";
import { parseSpec, runAll, type RunResult, type RunSpec } from "../../lib/experiment/mod.ts";
import type { Device } from "../../lib/device/mod.ts";
import { withFolder } from "../experiment/samples.ts";
import { testDevice } from "../support/device.ts";

const onProgress = () => {};

/** A spec with a rate so large that weights, and in the end losses, leave the numbers of f32. */
function explosive(spec: RunSpec, learningRate: number): RunSpec {
  return { ...spec, optimizer: { ...spec.optimizer, learningRate, clip: 1e30 } };
}

/** What two runs of the same spec have in common. */
function valuesOf({ wallSeconds: _, stepsPerSecond: __, peakBytes: ___, curve, ...values }: RunResult) {
  return { ...values, curve: curve.map(({ elapsedSeconds: _, ...point }) => point) };
}

describe("GlueGrid", () => {
  it("lists specs that are right, by task, then method, then seed", async () => {
    const options = { tasks: ["rte", "cola"], methods: ["full", "lora"], seeds: 2, steps: 8 } as const;
    const { specs } = await GlueGrid.open(options);
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
    expect((await GlueGrid.open(options)).specs).toEqual(specs);
  });

  it("gives Delta-LoRA and LoRA the same rank, α, targets and rate", async () => {
    const { specs } = await GlueGrid.open({ tasks: ["cola"], methods: ["lora", "delta-lora"], seeds: 1, steps: 8 });
    const [lora, deltaLora] = specs;
    expect(deltaLora.method).toMatchObject({ ...lora.method, name: "delta-lora" });
    expect(deltaLora.optimizer).toEqual(lora.optimizer);
  });
});

describe("GlueTrainer", () => {
  let device: Device;
  let grid: GlueGrid;
  let trainer: GlueTrainer;
  const specOf = (task: string, method: string, seed = 0) =>
    grid.specs.find((spec) => spec.task === task && spec.method.name === method && spec.seed === seed)!;

  beforeAll(async () => {
    device = await testDevice();
    grid = await GlueGrid.open({ tasks: ["cola", "stsb"], methods: METHODS, seeds: 2, steps: 4 });
    trainer = new GlueTrainer(grid, device);
  });
  afterAll(() => trainer.close());

  it("scores every metric of the task and logs every step, with K + 1 steps before the first write of W", async () => {
    const spec = specOf("stsb", "delta-lora");
    const steps: number[] = [];
    const result = await trainer.run(spec, { onProgress: ({ step }) => steps.push(step) });
    expect(Object.keys(result.metrics)).toEqual(grid.tasks.get("stsb")!.data.task.metrics);
    expect(result.curve.map(({ step }) => step)).toEqual([0, 1, 2, 3]);
    expect(steps).toEqual([1, 2, 3, 4]);
    expect(spec.method.startStep).toBe(1);
    expect(result.writes).toBe(4 - (1 + 1));
    expect(result.trainableParameters).toBeLessThan(result.totalParameters / 5);
    expect(result.adapter).toContain(device.report.name);
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
    // Neither what ran before nor an evaluation counts; what the collector has not seen yet is small.
    for (const { peakBytes } of [second, other]) {
      expect(Math.abs(peakBytes / first.peakBytes - 1)).toBeLessThan(0.05);
    }
  });

  it("records a run whose loss is no number as failed, and runs the others", async () => {
    const [good, other] = [specOf("cola", "lora"), specOf("cola", "lora", 1)];
    await withFolder(async (out) => {
      await Deno.mkdir(`${out}/runs`);
      const records = await runAll([explosive(good, 1e30), good, other], { out, run: trainer.run });
      expect(records.map(({ status }) => status)).toEqual(["failed", "finished", "finished"]);
      expect(records[0].error).toMatch(
        /^the (loss|norm of the gradients) is (NaN|Infinity) at step \d: a lower learning rate/,
      );
      const alone = await trainer.run(good, { onProgress });
      expect(valuesOf(records[1].result!)).toEqual(valuesOf(alone));
    });
  });

  it("fails a run whose last step broke the weights, although its last loss was a number", async () => {
    const one = await GlueGrid.open({ tasks: ["cola"], methods: ["lora"], seeds: 1, steps: 1 });
    const short = new GlueTrainer(one, device);
    try {
      const run = short.run(explosive(one.specs[0], 3e38), { onProgress });
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
    const one = await GlueGrid.open({ tasks: ["cola"], methods: METHODS, seeds: 1, steps: 1 });
    const short = new GlueTrainer(one, device);
    for (const spec of one.specs) expect((await short.run(spec, { onProgress })).curve).toHaveLength(1);
    short.close();
  });

  it("estimates a time for a run", async () => {
    const seconds = await trainer.estimate(specOf("cola", "lora"));
    expect(seconds).toBeGreaterThan(0);
    expect(await trainer.estimate({ ...specOf("cola", "lora"), steps: 4_000_000 })).toBeGreaterThan(100 * seconds);
  });
});
