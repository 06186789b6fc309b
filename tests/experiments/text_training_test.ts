import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { trainDraft, type TrainFlags } from "../../experiments/cli/train_draft.ts";
import { completeTextSpec } from "../../experiments/runner/complete_text_spec.ts";
import { Inputs } from "../../experiments/runner/data/inputs.ts";
import { Trainer } from "../../experiments/runner/train/trainer.ts";
import { testDevice } from "../support/device.ts";

const FIXTURES = new URL("../fixtures/text_training/", import.meta.url).pathname;

/** What `text_training.py` trains with. */
const SETTINGS: TrainFlags = {
  steps: 50,
  batch: 4,
  "learning-rate": 1e-2,
  warmup: 5,
  "weight-decay": 0.01,
  epsilon: 1e-6,
  "label-smoothing": 0.1,
  clip: 0,
  shuffle: "false",
  "no-texts": true,
};

async function lossesOf(model: string, flags: TrainFlags): Promise<number[]> {
  const device = await testDevice();
  const folder = `${FIXTURES}${model}`;
  const { draft, sources } = trainDraft({ ...SETTINGS, model: folder, "adapter-init": `${folder}/adapter`, ...flags });
  const inputs = new Inputs(sources);
  const { spec } = await completeTextSpec(draft, inputs);
  const trainer = new Trainer(device, inputs);
  try {
    return (await trainer.train(spec)).curve.map(({ loss }) => loss);
  } finally {
    trainer.close();
  }
}

describe("fine-tuning of models that write texts", () => {
  const losses: Record<string, number[]> = JSON.parse(Deno.readTextFileSync(`${FIXTURES}losses.json`));
  const tasks: Record<string, TrainFlags> = {
    gpt2: { task: "e2e", data: FIXTURES },
    llama: { task: "instructions", data: `${FIXTURES}train.jsonl` },
    bart: { task: "e2e", data: FIXTURES },
  };
  for (const [model, flags] of Object.entries(tasks)) {
    it(`has the losses of PyTorch and PEFT in the first 50 steps: ${model}`, async () => {
      const found = await lossesOf(model, flags);
      expect(found.length).toBe(50);
      const worst = Math.max(...found.map((loss, step) => Math.abs(loss / losses[model][step] - 1)));
      expect(worst).toBeLessThan(1e-4);
      expect(found[49]).toBeLessThan(0.95 * found[0]);
    });
  }
});
