import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { beginFrom } from "../../experiments/runner/model/adapted.ts";
import { type LoadedModel, loadModel } from "../../experiments/runner/model/load_model.ts";
import { makeMethod, parseTargets } from "../../experiments/runner/train/make_method.ts";
import { makeOptimizer, type OptimizerSettings } from "../../experiments/runner/train/optimizer.ts";
import { outputsOf, readTask, type TuningTask } from "../../experiments/runner/data/read_task.ts";
import type { StepLine } from "../../experiments/runner/train/step_log.ts";
import { type TrainFlags, trainSettings } from "../../experiments/runner/train/train_settings.ts";
import { Training } from "../../experiments/runner/train/training.ts";
import { saveAdapter } from "../../lib/io/mod.ts";
import { random } from "../../lib/ops/mod.ts";
import * as peft from "../../lib/peft/mod.ts";
import { isRecord, tensor } from "../../lib/tensor/mod.ts";
import { deviceIdle, testDevice } from "../support/device.ts";
import { leafAt, partAt } from "../support/leaf_at.ts";
import { writeSuiteModel } from "../../experiments/suite/suite_folder.ts";

describe("deno task train inside", () => {
  let folder: string;
  let task: TuningTask;
  let loaded: LoadedModel;

  beforeAll(async () => {
    await testDevice();
    folder = await Deno.makeTempDir({ prefix: "delta-dawn-" });
    await writeSuiteModel(`${folder}/model`);
    task = await readTask({ task: "rte", data: "suite" });
    loaded = await loadModel(`${folder}/model`, { labels: outputsOf(task), dropout: 0 });
  });
  afterAll(async () => {
    await deviceIdle();
    await Deno.remove(folder, { recursive: true });
  });

  /** Trains as the command does, from an adapter perhaps, and gives the log. */
  async function trainBy(flags: TrainFlags, adapter?: string): Promise<{ lines: StepLine[]; training: Training }> {
    const beginning = adapter === undefined ? undefined : await beginFrom(adapter, loaded.base);
    const settings = trainSettings({ model: "suite", dropout: "0", warmup: "0", ...flags }, {
      task,
      loaded,
      beginning,
    });
    const method = beginning?.name === settings.method ? beginning.method : makeMethod(settings);
    const info = { settings: {}, inputs: {} };
    const training = Training.begin({ loaded, task, settings, method, beginning, info });
    const lines: StepLine[] = [];
    await training.run({
      out: folder,
      saveEvery: 100,
      onStep: (line) => lines.push(line),
      signal: new AbortController().signal,
    });
    return { lines, training };
  }

  describe("Training", () => {
    it("computes the same steps from a batch as from its parts, tokens counted once", async () => {
      const flags = { method: "lora", steps: "3", "learning-rate": "0.01", shuffle: "false" };
      const { lines: whole } = await trainBy({ ...flags, batch: "16" });
      const { lines: parts } = await trainBy({ ...flags, batch: "4", accumulate: "4" });
      parts.forEach(({ loss, gradNorm, tokens }, i) => {
        expect(loss).toBeCloseTo(whole[i].loss, 5);
        expect(gradNorm).toBeCloseTo(whole[i].gradNorm, 4);
        expect(tokens).toBe(whole[i].tokens);
      });
    });

    it("goes on with Delta-LoRA from a LoRA adapter whose head is for other classes", async () => {
      const { training } = await trainBy({ method: "lora", rank: "4", steps: "2", "learning-rate": "0.01" });
      const { config, tensors } = training.parts.method.export(training.state);
      const name = "base_model.model.classifier";
      const three = { [`${name}.weight`]: tensor(new Float32Array(3 * 64), { shape: [3, 64] }) };
      await saveAdapter(`${folder}/mnli`, {
        config,
        tensors: { ...tensors, ...three, [`${name}.bias`]: tensor([0, 0, 0]) },
      });
      const flags = { method: "delta-lora", lambda: "1", "start-step": "-1", steps: "1", "learning-rate": "0" };
      expect(() => trainSettings({ model: "suite", ...flags }, { task, loaded })).toThrow(
        "--learning-rate is a number above 0",
      );

      const rate = { ...flags, "learning-rate": "0.01" };
      const beginning = await beginFrom(`${folder}/mnli`, loaded.base);
      expect(beginning.left).toEqual(["classifier.bias", "classifier.weight"]);
      const { training: gone } = await trainBy(rate, `${folder}/mnli`);
      for (const [path, factors] of Object.entries(beginning.trainable.factors)) {
        // W moves from the factors that came, not from those that would have been drawn.
        const anchors = partAt(gone.state.aux, "anchor");
        const anchor = isRecord(anchors) ? anchors[path] : undefined;
        for (const name of ["A", "B"]) {
          expect(await leafAt(anchor, name).data()).toEqual(await leafAt(factors, name).data());
        }
      }
      const settings = gone.parts.settings;
      expect([settings.rank, settings.alpha]).toEqual([4, 16]);
      expect(() => trainSettings({ ...rate, rank: "8" }, { task, loaded, beginning })).toThrow(
        "--rank is the adapter's",
      );
    });

    it("takes PEFT's defaults of rank and alpha, and begins from no adapter that changes more than a run keeps", async () => {
      const { config, tensors } = peft.lora({ rank: 8, alpha: 8, targets: ["query"] }).export({
        base: loaded.base,
        trainable: peft.lora({ rank: 8, alpha: 8, targets: ["query"] }).init(random.key(0), loaded.base).trainable,
        aux: {},
      });
      const { r: _, lora_alpha: __, ...absent } = config;
      await saveAdapter(`${folder}/absent`, { config: absent, tensors });
      const flags = { model: "suite", method: "delta-lora", steps: "1" };
      const beginning = await beginFrom(`${folder}/absent`, loaded.base);
      expect(trainSettings(flags, { task, loaded, beginning })).toMatchObject({ rank: 8, alpha: 8 });
      const bias = Object.keys(loaded.base).find((name) => name.endsWith("key.bias"))!;
      await saveAdapter(`${folder}/biased`, {
        config: { ...config, bias: "all" },
        tensors: { ...tensors, [`base_model.model.${bias}`]: loaded.base[bias] },
      });
      await expect(beginFrom(`${folder}/biased`, loaded.base)).rejects.toThrow(
        `cannot begin from ${folder}/biased as it changes more than its method trains: ${bias}: make a model of it`,
      );
    });
  });

  describe("makeOptimizer()", () => {
    const settings: OptimizerSettings = {
      "learning-rate": 0.5,
      schedule: "constant",
      warmup: 2,
      "weight-decay": 0.1,
      "no-decay-bias": true,
      steps: 8,
    };
    const zero = () => tensor([0, 0]);

    it("with --no-decay-bias takes decay from biases and layer norms by name, and from no factor of one axis", async () => {
      const optimizer = makeOptimizer({ ...settings, warmup: 0 });
      const ones = {
        factors: { q: { E: tensor([1, 1]) } },
        heads: { "c.bias": tensor([1, 1]), "c.weight": tensor([1, 1]) },
      };
      const grads = { factors: { q: { E: zero() } }, heads: { "c.bias": zero(), "c.weight": zero() } };
      const { updates } = optimizer.update(grads, optimizer.init(ones), ones);
      expect(await updates.factors.q.E.data()).toEqual(Float32Array.of(-0.05, -0.05));
      expect(await updates.heads["c.weight"].data()).toEqual(Float32Array.of(-0.05, -0.05));
      expect(Math.abs((await updates.heads["c.bias"].data())[0])).toBe(0);
    });

    it("warms a constant rate up as transformers does", async () => {
      const optimizer = makeOptimizer(settings);
      let state = optimizer.init({ w: zero() });
      const rates: number[] = [];
      for (let step = 0; step < 4; step++) {
        rates.push(await optimizer.learningRate!(state)!.item());
        ({ state } = optimizer.update({ w: zero() }, state, { w: zero() }));
      }
      expect(rates).toEqual([0, 0.25, 0.5, 0.5]);
    });
  });

  describe("parseTargets()", () => {
    it("reads endings between commas, and a pattern between slashes", () => {
      expect(parseTargets("query, value")).toEqual(["query", "value"]);
      expect(parseTargets("/layer\\.(0|1)\\./")).toEqual(/layer\.(0|1)\./);
    });
  });
});
