import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { bertWith } from "../../lib/models/bert.ts";
import {
  type Device,
  equal,
  jit,
  linalg,
  models,
  nn,
  openDevice,
  optim,
  type Params,
  peft,
  random,
  type Tensor,
  tensor,
  train,
} from "../../mod.ts";
import { loadEncoder, SUITE_ENCODER } from "../../experiments/suite/encoder.ts";
import { SUITE_SEED, suiteVocabulary } from "../../experiments/suite/mod.ts";
import { probeData } from "../../experiments/suite/probe_data.ts";
import { ANSWERS, maskedTexts, PROBES, rankOf, recallPairs } from "../../experiments/suite/probes.ts";
import { maskedState, readoutOf, teacherWeights } from "../../experiments/suite/readout.ts";
import { readTask } from "../../experiments/runner/data/read_task.ts";
import { configModel } from "../../experiments/runner/model/run_model.ts";
import { batches, encode, type Example, seededPermutation, wordPiece } from "../../lib/data/mod.ts";

const vocabulary = suiteVocabulary();
const tokenizer = wordPiece(vocabulary);
const encoder = await loadEncoder(SUITE_ENCODER, vocabulary.length);

/** Batches of examples, ready for a model. */
function batchesOf(examples: readonly Example[], batchSize: number) {
  return batches(encode(examples, tokenizer, { maxLength: 64 }), { batchSize }).map(train.toBatch);
}

async function rowsOf(logits: Tensor): Promise<number[][]> {
  const data = await logits.data();
  const width = logits.shape[1];
  return Array.from(
    { length: logits.shape[0] },
    (_, i) => Array.from(data.subarray(i * width, (i + 1) * width), Number),
  );
}

/** A small encoder with a head, all drawn, biases too. */
function drawnEncoder() {
  const config = { vocabSize: vocabulary.length, hiddenSize: 8, layers: 1, heads: 2, maxLength: 64 };
  const drawn = models.bertForMaskedLM(config).init(random.key(3));
  const whole = Object.fromEntries(
    Object.entries(drawn).map(([name, one], i) => [name, one.add(random.normal(random.key(i), one.shape).mul(0.3))]),
  );
  const part = (prefix: string) =>
    Object.fromEntries(Object.entries(whole).filter(([name]) => name.startsWith(prefix)));
  return { whole, encoder: { config, weights: part("bert."), head: part("cls.") } };
}

const best = (row: readonly number[]) => row.indexOf(Math.max(...row));

describe("probes of the suite", () => {
  let device: Device;
  beforeAll(async () => void (device = await openDevice()));
  afterAll(() => device[Symbol.dispose]());

  it("pair random keys, each once, with all answers about as often as each other", () => {
    const pairs = recallPairs(7);
    expect(recallPairs(7)).toEqual(pairs);
    expect(recallPairs(8)).not.toEqual(pairs);
    expect(new Set(pairs.map(({ text }) => text)).size).toBe(1600);
    const counts = ANSWERS.map((_, i) => pairs.filter(({ label }) => label === i).length);
    expect([Math.min(...counts) > 60, Math.max(...counts) < 140]).toEqual([true, true]);
  });

  it("mask one word of each text, and score texts that are in no training split", () => {
    const { train: taught, dev } = maskedTexts(SUITE_SEED);
    expect([taught.length, dev.length, new Set([...taught, ...dev]).size]).toEqual([8000, 1000, 9000]);
    for (const text of dev) {
      const { ids } = tokenizer.encode(text);
      expect(ids.filter((id) => id === tokenizer.maskId)).toHaveLength(1);
      expect(ids).not.toContain(tokenizer.unknownId);
    }
  });

  it("change every linear layer of the teacher by a matrix of the rank, as large as the weight", async () => {
    for (const [rank, expected] of [[1, 1], [4, 4], [16, 16], [Infinity, 64]]) {
      const changed = await teacherWeights(encoder.weights, rank, SUITE_SEED);
      const names = Object.keys(changed).filter((name) => changed[name] !== encoder.weights[name]);
      expect(names).toHaveLength(6 * encoder.config.layers);
      for (const name of names.slice(4, 6)) {
        const [change, own] = [changed[name].sub(encoder.weights[name]), encoder.weights[name]];
        const values = Array.from(await linalg.svd(change)[1].data(), Number);
        expect(values.filter((value) => value > 1e-4 * values[0])).toHaveLength(expected);
        expect(await change.square().sum().item() / await own.square().sum().item()).toBeCloseTo(1, 4);
      }
    }
  });

  it("have the answers that the teacher gives on this device, for the encoder that ships", async () => {
    const model = await readoutOf(encoder);
    for (const name of PROBES) {
      const { train: taught, dev, bias, encoder: hash } = await probeData(name, SUITE_ENCODER, SUITE_SEED);
      expect(hash).toBe(encoder.hash);
      const rank = rankOf(name);
      if (rank === undefined) {
        expect(dev).toBe(taught);
        continue;
      }
      const [batch] = batchesOf(dev.slice(0, 64), 64);
      const rows = await rowsOf(model({ bias }).apply(await teacherWeights(encoder.weights, rank, SUITE_SEED), batch));
      // Devices round differently where two answers are as good as each other.
      const clear = rows.map((row) => row.toSorted((a, b) => b - a)).map(([first, second]) => first - second > 1e-3);
      const [own, told] = [rows.map(best), dev.slice(0, 64).map(({ label }) => label)].map((all) =>
        all.filter((_, i) => clear[i])
      );
      expect(own).toEqual(told);
      expect(own.length).toBeGreaterThan(60);
    }
  });

  it("are read off the head that filled masked tokens in pre-training, where the file has it", async () => {
    const { whole, encoder: own } = drawnEncoder();
    const { apply } = models.bertForMaskedLM({ ...own.config, dropout: 0 });
    const [batch] = batchesOf(recallPairs(SUITE_SEED).slice(0, 8), 8);
    const T = batch.inputIds.shape[1];
    const masked = Array.from(await batch.inputIds.data(), Number)
      .flatMap((id, at) => id === tokenizer.maskId ? [at] : []);
    expect(masked.map((at) => Math.floor(at / T))).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    const all = await rowsOf(apply(whole, { ...batch, positions: tensor(masked, { dtype: "i32" }) }));
    const rows = await rowsOf((await readoutOf(own))().apply(own.weights, batch));
    const ids = ANSWERS.map((word) => tokenizer.encode(word).ids[1]);
    rows.forEach((row, i) => row.forEach((logit, j) => expect(logit).toBeCloseTo(all[i][ids[j]], 5)));
    const bias = ANSWERS.map((_, i) => i);
    const biased = await rowsOf((await readoutOf(own))({ bias }).apply(own.weights, batch));
    expect(biased[0][3] - rows[0][3]).toBeCloseTo(3, 5);
  });

  it("are read off a head that a change of the table of words leaves as it is", async () => {
    const name = "bert.embeddings.word_embeddings.weight";
    const answers = new Set(ANSWERS.map((word) => tokenizer.encode(word).ids[1]));
    const [batch] = batchesOf(recallPairs(SUITE_SEED).slice(0, 8), 8);
    for (const own of [encoder, drawnEncoder().encoder]) {
      const { apply } = (await readoutOf(own))();
      const table = Float32Array.from(await own.weights[name].data(), Number);
      const { hiddenSize } = own.config;
      for (const id of answers) table.fill(0, id * hiddenSize, (id + 1) * hiddenSize);
      const other = { ...own.weights, [name]: tensor(table, { shape: own.weights[name].shape }) };
      expect(await rowsOf(apply(other, batch))).toEqual(await rowsOf(apply(own.weights, batch)));
    }
  });

  it("are no tasks of another model", async () => {
    const { readout } = await readTask({ task: "recall" });
    const other = configModel("other", { model_type: "bert", hidden_size: 36, num_hidden_layers: 1 });
    expect(() => other.classifier({ labels: ANSWERS.length, readout })).toThrow(
      "recall and known ranks are asked of the suite's encoder, and not of other",
    );
  });

  it("let a head that is trained alone recall within five points of chance", async () => {
    const { train: pairs } = await probeData("recall", SUITE_ENCODER, SUITE_SEED);
    const { apply } = bertWith({ ...encoder.config, dropout: 0 }, () => ({
      shapes: [],
      tokens: "all",
      keys: 0,
      apply: (hidden, { batch: { inputIds } }) => maskedState(hidden, equal(inputIds, tokenizer.maskId)),
    }));
    const parts = await Promise.all(
      batchesOf(pairs, 64).map(async (batch) => await rowsOf(apply(encoder.weights, batch))),
    );
    const hidden = parts.flat();
    const width = encoder.config.hiddenSize;
    const [steps, size] = [600, 64];
    const model = (params: Params, x: Tensor) => nn.linear(x, params.weight, nn.tensorOf(params, "bias"));
    const loss = (params: Params, { x, labels }: { readonly x: Tensor; readonly labels: Tensor }) =>
      nn.crossEntropy(model(params, x), labels);
    const method = peft.full();
    const optimizer = optim.adamw({ learningRate: optim.linearSchedule({ peak: 5e-3, warmup: 36, total: steps }) });
    const step = jit(train.makeStep({ loss, method, optimizer, clip: 1 }), { donate: [0] });
    const head = {
      weight: random.normal(random.key(0), [ANSWERS.length, width]).mul(0.02),
      bias: tensor(ANSWERS.map(() => 0)),
    };
    const orders = Array.from(
      { length: Math.ceil(steps * size / pairs.length) },
      (_, i) => seededPermutation(pairs.length, i),
    );
    const order = orders.flatMap((one) => [...one]);
    const batchAt = (i: number) => {
      const own = order.slice(i * size, (i + 1) * size);
      return {
        x: tensor(own.flatMap((at) => hidden[at]), { shape: [size, width] }),
        labels: tensor(own.map((at) => pairs[at].label), { dtype: "i32" }),
      };
    };
    const { state } = await train.runSteps(step, train.init(random.key(0), head, { method, optimizer }), batchAt, {
      steps,
    });
    const rows = await rowsOf(model(state.trainable, tensor(hidden.flat(), { shape: [pairs.length, width] })));
    const accuracy = rows.filter((row, i) => best(row) === pairs[i].label).length / pairs.length;
    expect(accuracy).toBeLessThan(1 / ANSWERS.length + 0.05);
  });
});
