import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { adamw, sgd } from "../../lib/optim/mod.ts";
import { lora, loraPlus } from "../../lib/peft/mod.ts";
import { sub } from "../../lib/ops/mod.ts";
import { init, makeStep } from "../../lib/train/mod.ts";
import { random } from "../../lib/ops/mod.ts";
import { testDevice } from "../support/device.ts";
import { encoder, encoderBatch } from "../support/encoder.ts";
import { fixtureLogits, followFixture } from "../support/follow_fixture.ts";
import { expectClose } from "../support/numbers.ts";
import { layerLoss, oneLayer } from "../support/one_layer.ts";
import { TARGETS } from "../support/tiny.ts";

const OPTIONS = { rank: 4, alpha: 8, targets: TARGETS, heads: /^classifier$/ };

describe("loraPlus", () => {
  beforeAll(async () => void await testDevice());

  it("follows PEFT's create_loraplus_optimizer for 20 steps, decay by group, and merges to the same logits", async () => {
    const method = loraPlus(OPTIONS);
    const { state, logits } = await followFixture("lora-plus", method, {
      // PEFT's groups leave what has one axis without decay.
      optimizer: adamw({ learningRate: 2e-3, weightDecay: 0.1, decayMask: ({ rank }) => rank > 1 }),
      factorsOf: (of, path) => ({ A: of[`${path}.lora_A.weight`], B: of[`${path}.lora_B.weight`] }),
    });
    expectClose(logits, fixtureLogits("lora-plus"), 5e-4);
    expectClose(await encoder.apply(method.merge(state), encoderBatch(0)).data(), logits, 1e-5);
  });

  it("moves B by `ratio` times LoRA's step, and A by LoRA's own", async () => {
    const { base, points } = oneLayer();
    const optimizer = sgd({ learningRate: 0.1, weightDecay: 0.5 });
    const stepBy = (method: ReturnType<typeof lora>) => {
      const state = init(random.key(2), base, { method, optimizer });
      const [next] = makeStep({ loss: layerLoss, method, optimizer })(state, points);
      const [path] = Object.keys(state.trainable.factors);
      const [before, after] = [state, next].map(({ trainable }) => trainable.factors[path]);
      return { A: sub(after.A, before.A), B: sub(after.B, before.B) };
    };
    const [plain, plus] = [stepBy(lora(OPTIONS)), stepBy(loraPlus({ ...OPTIONS, ratio: 4 }))];
    expectClose(await plus.A.data(), await plain.A.data(), 1e-7);
    expectClose(await plus.B.data(), Array.from(await plain.B.data(), (x) => 4 * x), 1e-6);
    expect(Math.max(...await plus.B.data())).toBeGreaterThan(1e-4);
  });

  it("refuses a ratio that is none", () => {
    expect(() => loraPlus({ ...OPTIONS, ratio: 0 })).toThrow("a ratio is above 0, not 0");
  });
});
