import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { TRAIN } from "../../experiments/cli/train_flags.ts";
import { readFlags } from "../../experiments/terminal/read_flags.ts";
import { METHOD_FLAGS, trainDraft } from "../../experiments/cli/train_draft.ts";
import { type CompleteSpec, completeSpec } from "../../experiments/runner/complete_spec.ts";
import { Inputs } from "../../experiments/runner/data/inputs.ts";
import { beginFrom } from "../../experiments/runner/model/adapted.ts";
import { parseTargets } from "../../experiments/runner/train/make_method.ts";
import { makeOptimizer } from "../../experiments/runner/train/optimizer.ts";
import type { StepLine } from "../../experiments/runner/train/step_batches.ts";
import type { Ended } from "../../experiments/runner/train/train_hooks.ts";
import { Trainer } from "../../experiments/runner/train/trainer.ts";
import { writeSuiteModel } from "../../experiments/suite/suite_folder.ts";
import type { Device } from "../../lib/device/mod.ts";
import type { RunSpec } from "../../lib/experiment/mod.ts";
import { loadAdapter, saveAdapter } from "../../lib/io/mod.ts";
import { random } from "../../lib/ops/mod.ts";
import * as peft from "../../lib/peft/mod.ts";
import { tensor, treeLeaf } from "../../lib/tensor/mod.ts";
import { deviceFolder } from "../support/device_folder.ts";
import { testDevice } from "../support/device.ts";

/** Flags of the command with their values as they are typed. */
type TrainFlags = Readonly<Record<string, string>>;

describe("deno task train inside", () => {
  const folder = deviceFolder();
  let device: Device;

  beforeAll(async () => {
    device = await testDevice();
    await writeSuiteModel(`${folder}/model`);
  });

  /** What flags ask for, as the command reads them. */
  async function complete(flags: TrainFlags): Promise<CompleteSpec & { readonly inputs: Inputs }> {
    const common = { model: `${folder}/model`, task: "rte", data: "suite", dropout: "0", warmup: "0" };
    const args = Object.entries({ ...common, ...flags }).map(([flag, value]) => `--${flag}=${value}`);
    const { draft, sources } = trainDraft(readFlags(args, TRAIN, METHOD_FLAGS));
    const inputs = new Inputs(sources);
    return { ...await completeSpec(draft, inputs), inputs };
  }

  /** Trains as the command does, and gives the log and what `onEnd` makes of the end. */
  async function trainBy(flags: TrainFlags, onEnd?: (ended: Ended) => Promise<void>): Promise<StepLine[]> {
    const { spec, inputs } = await complete(flags);
    const trainer = new Trainer(device, inputs);
    const lines: StepLine[] = [];
    await trainer.train(spec, { onStep: (line) => lines.push(line), onEnd });
    trainer.close();
    return lines;
  }

  describe("Trainer", () => {
    it("computes the same steps from a batch as from its parts, tokens counted once", async () => {
      const flags = { method: "lora", steps: "3", "learning-rate": "0.01", shuffle: "false" };
      const whole = await trainBy({ ...flags, batch: "16" });
      const parts = await trainBy({ ...flags, batch: "4", accumulate: "4" });
      expect(parts).toHaveLength(3);
      parts.forEach(({ loss, gradNorm, tokens }, i) => {
        expect(loss).toBeCloseTo(whole[i].loss, 5);
        expect(gradNorm).toBeCloseTo(whole[i].gradNorm, 4);
        expect(tokens).toBe(whole[i].tokens);
      });
    });

    it("goes on with Delta-LoRA from a LoRA adapter whose head is for other classes", async () => {
      const lora = { method: "lora", rank: "4", steps: "2", "learning-rate": "0.01" };
      await trainBy(lora, async ({ method, state }) => {
        const { config, tensors } = method.export(state);
        const name = "base_model.model.classifier";
        const three = { [`${name}.weight`]: tensor(new Float32Array(3 * 64), { shape: [3, 64] }) };
        await saveAdapter(`${folder}/mnli`, {
          config,
          tensors: { ...tensors, ...three, [`${name}.bias`]: tensor([0, 0, 0]) },
        });
      });
      const rate = { method: "delta-lora", lambda: "1", "start-step": "-1", steps: "1", "learning-rate": "0.01" };
      await expect(complete({ ...rate, "learning-rate": "0" })).rejects.toThrow("--learning-rate is a number above 0");

      const flags = { ...rate, "adapter-init": `${folder}/mnli` };
      const { spec, beginning } = await complete(flags);
      expect(beginning!.left).toEqual(["classifier.bias", "classifier.weight"]);
      expect([spec.method.rank, spec.method.alpha]).toEqual([4, 16]);
      expect(spec.adapter!.hash).toMatch(/^[0-9a-f]{64}$/);
      await trainBy(flags, async ({ state }) => {
        for (const [path, factors] of Object.entries(beginning!.trainable.factors)) {
          // W moves from the factors that came, not from those that would have been drawn.
          for (const name of ["A", "B"]) {
            expect(await treeLeaf(state.aux, "anchor", path, name).data()).toEqual(
              await treeLeaf(factors, name).data(),
            );
          }
        }
      });
      await expect(complete({ ...flags, rank: "8" })).rejects.toThrow("`method.rank` is the adapter's");
      const { config, tensors } = await loadAdapter(`${folder}/mnli`);
      const inputs = new Inputs({ model: `${folder}/model`, data: "suite", adapter: `${folder}/mnli` });
      const trainer = new Trainer(device, inputs);
      const first = Object.keys(tensors)[0];
      await saveAdapter(`${folder}/mnli`, { config: { ...config, r: 4, lora_alpha: 8 }, tensors });
      expect(first).toContain("lora_A");
      await expect(trainer.train(spec)).rejects.toThrow("as the adapter that it begins from changed");
    });

    it("takes PEFT's defaults of rank and alpha, and begins from no adapter that changes more than a run keeps", async () => {
      const { loaded } = await complete({});
      const { config, tensors } = peft.lora({ rank: 8, alpha: 8, targets: ["query"] }).export({
        base: loaded.base,
        trainable: peft.lora({ rank: 8, alpha: 8, targets: ["query"] }).init(random.key(0), loaded.base).trainable,
        aux: {},
      });
      const { r: _, lora_alpha: __, ...absent } = config;
      await saveAdapter(`${folder}/absent`, { config: absent, tensors });
      const { spec } = await complete({ method: "delta-lora", steps: "1", "adapter-init": `${folder}/absent` });
      expect(spec.method).toMatchObject({ rank: 8, alpha: 8 });
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

  describe("completeSpec()", () => {
    it("fills in what was not chosen, shares as steps", async () => {
      const { spec } = await complete({ method: "adalora", rank: "4", epochs: "1", warmup: "0.1", clip: "0" });
      expect(spec.steps).toBe(Math.ceil(spec.data.examples / 16));
      expect(spec.method).toMatchObject({ name: "adalora", targetRank: 4, initialRank: 6, orthogonality: 0.1 });
      expect(spec.optimizer).toEqual({
        name: "adamw",
        learningRate: 5e-4,
        weightDecay: 0.01,
        schedule: "linear",
        warmup: Math.ceil(0.1 * spec.steps),
      });
    });

    it("refuses what a method does not have, and what cannot be together, by its place", async () => {
      const wrong: [TrainFlags, string][] = [
        [{ method: "lora", lambda: "1" }, "--lambda is nothing of method lora"],
        [{ momentum: "0.5" }, "`optimizer.momentum` is nothing of AdamW: `optimizer.name` sgd has it"],
        [{ steps: "8", warmup: "8" }, "`optimizer.warmup` 8 leaves nothing of 8 steps"],
        [{ method: "full", weights: "f16" }, "`model.weights` f16 is for weights that stay as they are"],
        [{ "lambda-schedule": "liner" }, 'did you mean "linear"?'],
      ];
      for (const [flags, message] of wrong) await expect(complete(flags)).rejects.toThrow(message);
    });
  });

  describe("makeOptimizer()", () => {
    const spec: Pick<RunSpec, "method" | "optimizer" | "steps"> = {
      method: { name: "lora" },
      optimizer: {
        name: "adamw",
        learningRate: 0.5,
        schedule: "constant",
        warmup: 2,
        weightDecay: 0.1,
        decaysBiases: false,
      },
      steps: 8,
    };
    const zero = () => tensor([0, 0]);

    it("takes decay from biases and layer norms by name where they have none, and from no factor of one axis", async () => {
      const optimizer = makeOptimizer({ ...spec, optimizer: { ...spec.optimizer, warmup: 0 } });
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
      const optimizer = makeOptimizer(spec);
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
    it("reads endings between commas, a pattern between slashes, and else one of whole paths", () => {
      expect(parseTargets("query, value")).toEqual(["query", "value"]);
      expect(parseTargets("/layer\\.(0|1)\\./")).toEqual(/layer\.(0|1)\./);
      expect(parseTargets("(.*\\.)?(query|value)")).toBe("(.*\\.)?(query|value)");
      expect(() => parseTargets("(query")).toThrow("`method.targets` (query is no regular expression");
    });
  });
});
