import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { bert } from "../../lib/models/mod.ts";
import { crossEntropy, type Params } from "../../lib/nn/mod.ts";
import { div, type Key, random, reshape } from "../../lib/ops/mod.ts";
import { adamw } from "../../lib/optim/mod.ts";
import { full, lora, type Method } from "../../lib/peft/mod.ts";
import type { Tensor, Tree } from "../../lib/tensor/mod.ts";
import { init, makeStep } from "../../lib/train/mod.ts";
import { grad, jit, valueAndGrad } from "../../lib/transform/mod.ts";
import { testDevice } from "../support/device.ts";
import { encoder, encoderBatch, encoderFixture, encoderWeights, part } from "../support/encoder.ts";
import { expectClose } from "../support/numbers.ts";

const loss = (params: Params, b: ReturnType<typeof encoderBatch>) => crossEntropy(encoder.apply(params, b), b.labels);

async function train<T extends Tree, A extends Tree>(
  method: Method<T, A>,
  learningRate: number,
  begin: (trainable: T) => T,
) {
  const optimizer = adamw({ learningRate, weightDecay: 0.1 });
  const step = jit(makeStep({ loss, method, optimizer, clip: 1 }), { donate: [0] });
  let state = init(random.key(0), encoderWeights(), { method, optimizer });
  state = { ...state, trainable: begin(state.trainable) };
  const losses: number[] = [];
  for (let i = 0; i < 10; i++) {
    let metrics;
    [state, metrics] = await step(state, encoderBatch(i));
    losses.push(await metrics.loss.item());
  }
  step.dispose();
  return { state, losses };
}

describe("bert", () => {
  beforeAll(async () => void await testDevice());

  it("has the parameters of Hugging Face's BertForSequenceClassification", () => {
    const made = Object.entries(encoder.init(random.key(0))).map(([name, { shape }]) => `${name} ${shape}`).sort();
    expect(made).toEqual(Object.entries(encoderWeights()).map(([name, { shape }]) => `${name} ${shape}`).sort());
  });

  it("gives PyTorch's logits", async () => {
    expectClose(
      await encoder.apply(encoderWeights(), encoderBatch(0)).data(),
      await encoderFixture.logits.data(),
      1e-5,
    );
  });

  it("gives PyTorch's gradient of every parameter", async () => {
    const mean = (params: Params) => {
      const { sum, count } = loss(params, encoderBatch(0));
      return div(sum, count);
    };
    const grads = grad(mean)(encoderWeights());
    for (const [name, wanted] of Object.entries(part(encoderFixture, "grads."))) {
      const [got, want] = [await grads[name].data(), await wanted.data()];
      const size = Math.max(1e-3, ...Array.from(want, Math.abs));
      expectClose(Array.from(got, (x) => x / size), Array.from(want, (x) => x / size), 1e-4);
    }
  });

  it("follows PyTorch's AdamW for ten steps to 1e-4", async () => {
    const { state, losses } = await train(full(), 1e-3, (x) => x);
    expectClose(losses, await encoderFixture["full.losses"].data(), 1e-4);
    for (const [name, wanted] of Object.entries(part(encoderFixture, "full."))) {
      if (name === "losses" || /key\.bias$/.test(name)) continue; // a key's bias has no gradient but rounding
      expectClose(await state.trainable[name].data(), await wanted.data(), 1e-4);
    }
  });

  it("follows PEFT's LoRA for ten steps to 1e-4", async () => {
    const method = lora({ rank: 4, alpha: 8, targets: ["query", "value"], heads: /^classifier$/ });
    const before = part(encoderFixture, "lora.before.");
    const factorsOf = (from: Record<string, Tensor>, path: string) => ({
      A: from[`${path}.lora_A.weight`],
      B: from[`${path}.lora_B.weight`],
    });
    const { state, losses } = await train(method, 5e-3, ({ factors, heads }) => ({
      heads,
      factors: Object.fromEntries(Object.keys(factors).map((path) => [path, factorsOf(before, path)])),
    }));
    expectClose(losses, await encoderFixture["lora.losses"].data(), 1e-4);
    const after = part(encoderFixture, "lora.after.");
    for (const [path, { A, B }] of Object.entries(state.trainable.factors)) {
      const wanted = factorsOf(after, path);
      expectClose(await A.data(), await wanted.A.data(), 1e-4);
      expectClose(await B.data(), await wanted.B.data(), 1e-4);
    }
    expectClose(await state.trainable.heads["classifier.weight"].data(), await after["classifier.weight"].data(), 1e-4);
  });

  it("has the same bits with checkpointed layers, in less memory", async () => {
    const plan = async (isCheckpointed: boolean) => {
      const deep = bert({ ...encoder.config, layers: 6, checkpoint: isCheckpointed, dropout: 0.1 });
      const params = deep.init(random.key(3));
      const objective = (p: typeof params, key: Key) => {
        const { sum, count } = crossEntropy(deep.apply(p, encoderBatch(0), key), encoderBatch(0).labels);
        return div(sum, count);
      };
      const both = jit((p: typeof params, key: Key) => valueAndGrad(objective)(p, key));
      const { value, grad } = await both(params, random.key(4));
      const first = await grad["bert.encoder.layer.0.attention.self.query.weight"].data();
      const [{ ownBytes: bytes }] = both.plans();
      both.dispose();
      return { value: await value.item(), first: Array.from(first), bytes };
    };
    const [whole, checkpointed] = [await plan(false), await plan(true)];
    expect(checkpointed.value).toBe(whole.value);
    expect(checkpointed.first).toEqual(whole.first);
    expect(checkpointed.bytes).toBeLessThan(0.8 * whole.bytes);
  });

  it("does not see what stands in padding", async () => {
    const given = encoderBatch(1);
    const mask = await given.attentionMask.data();
    const ids = await given.inputIds.data();
    const { tensor } = await import("../../lib/tensor/mod.ts");
    const other = tensor(Int32Array.from(ids, (id, i) => mask[i] ? id : 7), { shape: given.inputIds.shape });
    const logits = await encoder.apply(encoderWeights(), given).data();
    expect(Array.from(await encoder.apply(encoderWeights(), { ...given, inputIds: other }).data())).toEqual(
      Array.from(logits),
    );
  });

  it("refuses texts longer than its positions", () => {
    const { inputIds, attentionMask, tokenTypeIds } = encoderBatch(0);
    const long = (x: Tensor) => reshape(x, [4, 32]);
    const texts = { inputIds: long(inputIds), attentionMask: long(attentionMask), tokenTypeIds: long(tokenTypeIds) };
    expect(() => encoder.apply(encoderWeights(), texts)).toThrow(
      "bert: 32 tokens are more than the model's 16 positions",
    );
  });
});
