import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { loadSafetensors } from "../../lib/io/mod.ts";
import { bert } from "../../lib/models/mod.ts";
import { crossEntropy, type Params } from "../../lib/nn/mod.ts";
import { div, type Key, random, reshape, select } from "../../lib/ops/mod.ts";
import { adamw } from "../../lib/optim/mod.ts";
import { full, lora, type Method } from "../../lib/peft/mod.ts";
import type { Tensor } from "../../lib/tensor/mod.ts";
import { init, makeStep } from "../../lib/train/mod.ts";
import { grad, jit, valueAndGrad } from "../../lib/transform/mod.ts";
import { testDevice } from "../support/device.ts";
import { expectClose } from "../support/numbers.ts";

const { tensors } = await loadSafetensors(new URL("../fixtures/encoder.safetensors", import.meta.url));
const part = (prefix: string) =>
  Object.fromEntries(
    Object.entries(tensors).filter(([name]) => name.startsWith(prefix)).map((
      [name, x],
    ) => [name.slice(prefix.length), x]),
  );
const model = bert({
  vocabSize: 48,
  hiddenSize: 32,
  layers: 2,
  heads: 2,
  intermediateSize: 64,
  maxLength: 16,
  labels: 2,
  dropout: 0,
});
const batch = (i: number) => {
  const cut = (name: string) => select(tensors[name], { axis: 0, index: i });
  return { inputIds: cut("ids"), attentionMask: cut("mask"), tokenTypeIds: cut("types"), labels: cut("labels") };
};
const loss = (params: Params, b: ReturnType<typeof batch>) => crossEntropy(model.apply(params, b), b.labels);

async function train<T, A>(method: Method<T, A>, learningRate: number, begin: (trainable: T) => T) {
  const optimizer = adamw({ learningRate, weightDecay: 0.1 });
  const step = jit(makeStep({ loss, method, optimizer, clip: 1 }), { donate: [0] });
  let state = init(random.key(0), part("weights."), { method, optimizer });
  state = { ...state, trainable: begin(state.trainable) };
  const losses: number[] = [];
  for (let i = 0; i < 10; i++) {
    let metrics;
    [state, metrics] = await step(state, batch(i));
    losses.push(await metrics.loss.item());
  }
  step.dispose();
  return { state, losses };
}

describe("bert", () => {
  beforeAll(async () => void await testDevice());

  it("has the parameters of Hugging Face's BertForSequenceClassification", () => {
    const made = Object.entries(model.init(random.key(0))).map(([name, { shape }]) => `${name} ${shape}`).sort();
    expect(made).toEqual(Object.entries(part("weights.")).map(([name, { shape }]) => `${name} ${shape}`).sort());
  });

  it("gives PyTorch's logits", async () => {
    expectClose(await model.apply(part("weights."), batch(0)).data(), await tensors.logits.data(), 1e-5);
  });

  it("gives PyTorch's gradient of every parameter", async () => {
    const mean = (params: Params) => {
      const { sum, count } = loss(params, batch(0));
      return div(sum, count);
    };
    const grads = grad(mean)(part("weights.")) as Record<string, Tensor>;
    for (const [name, wanted] of Object.entries(part("grads."))) {
      const [got, want] = [await grads[name].data(), await wanted.data()];
      const size = Math.max(1e-3, ...Array.from(want, Math.abs));
      expectClose(Array.from(got, (x) => x / size), Array.from(want, (x) => x / size), 1e-4);
    }
  });

  it("follows PyTorch's AdamW for ten steps to 1e-4", async () => {
    const { state, losses } = await train(full(), 1e-3, (x) => x);
    expectClose(losses, await tensors["full.losses"].data(), 1e-4);
    for (const [name, wanted] of Object.entries(part("full."))) {
      if (name === "losses" || /key\.bias$/.test(name)) continue; // a key's bias has no gradient but rounding
      expectClose(await state.trainable[name].data(), await wanted.data(), 1e-4);
    }
  });

  it("follows PEFT's LoRA for ten steps to 1e-4", async () => {
    const method = lora({ rank: 4, alpha: 8, targets: ["query", "value"], heads: /^classifier$/ });
    const before = part("lora.before.");
    const factorsOf = (from: Record<string, Tensor>, path: string) => ({
      A: from[`${path}.lora_A.weight`],
      B: from[`${path}.lora_B.weight`],
    });
    const { state, losses } = await train(method, 5e-3, ({ factors, heads }) => ({
      heads,
      factors: Object.fromEntries(Object.keys(factors).map((path) => [path, factorsOf(before, path)])),
    }));
    expectClose(losses, await tensors["lora.losses"].data(), 1e-4);
    const after = part("lora.after.");
    for (const [path, { A, B }] of Object.entries(state.trainable.factors)) {
      const wanted = factorsOf(after, path);
      expectClose(await A.data(), await wanted.A.data(), 1e-4);
      expectClose(await B.data(), await wanted.B.data(), 1e-4);
    }
    expectClose(await state.trainable.heads["classifier.weight"].data(), await after["classifier.weight"].data(), 1e-4);
  });

  it("has the same bits with checkpointed layers, in less memory", async () => {
    const plan = async (isCheckpointed: boolean) => {
      const deep = bert({ ...model.config, layers: 6, checkpoint: isCheckpointed, dropout: 0.1 });
      const params = deep.init(random.key(3));
      const objective = (p: typeof params, key: Key) => {
        const { sum, count } = crossEntropy(deep.apply(p, batch(0), key), batch(0).labels);
        return div(sum, count);
      };
      const both = jit((p: typeof params, key: Key) => valueAndGrad(objective)(p, key));
      const { value, grad } = await both(params, random.key(4));
      const first = await grad["bert.encoder.layer.0.attention.self.query.weight"].data();
      const [, bytes] = both.explain().match(/buffers of its own \(([\d.]+) MiB/)!;
      both.dispose();
      return { value: await value.item(), first: Array.from(first), bytes: Number(bytes) };
    };
    const [whole, checkpointed] = [await plan(false), await plan(true)];
    expect(checkpointed.value).toBe(whole.value);
    expect(checkpointed.first).toEqual(whole.first);
    expect(checkpointed.bytes).toBeLessThan(0.8 * whole.bytes);
  });

  it("does not see what stands in padding", async () => {
    const given = batch(1);
    const mask = await given.attentionMask.data();
    const ids = await given.inputIds.data();
    const { tensor } = await import("../../lib/tensor/mod.ts");
    const other = tensor(Int32Array.from(ids, (id, i) => mask[i] ? id : 7), { shape: given.inputIds.shape });
    const logits = await model.apply(part("weights."), given).data();
    expect(Array.from(await model.apply(part("weights."), { ...given, inputIds: other }).data())).toEqual(
      Array.from(logits),
    );
  });

  it("refuses texts longer than its positions", () => {
    const { inputIds, attentionMask, tokenTypeIds } = batch(0);
    const long = (x: Tensor) => reshape(x, [4, 32]);
    const texts = { inputIds: long(inputIds), attentionMask: long(attentionMask), tokenTypeIds: long(tokenTypeIds) };
    expect(() => model.apply(part("weights."), texts)).toThrow(
      "bert: 32 tokens are more than the model's 16 positions",
    );
  });
});
