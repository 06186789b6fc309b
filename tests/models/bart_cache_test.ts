import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { fromConfig, type PretrainedSeq2Seq, takeRows } from "../../lib/models/mod.ts";
import type { Params } from "../../lib/nn/mod.ts";
import { random } from "../../lib/ops/mod.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { grad, jit } from "../../lib/transform/mod.ts";
import { bartBatch, bartPart, BARTS, bartWriter, describedBarts, loadBart } from "../support/bart.ts";
import { testDevice } from "../support/device.ts";
import { expectClose } from "../support/numbers.ts";

describe("a BART that writes", () => {
  beforeAll(async () => void await testDevice());

  /** The fixture's batch, what its decoder reads, and the logits that transformers gives. */
  function written(name: string) {
    const { inputIds, attentionMask } = bartBatch(name, 0);
    const { inputs, logits } = bartPart(`${name}.seq2seq-lm.`);
    return { batch: { inputIds, attentionMask, decoderInputIds: inputs }, logits };
  }
  const columns = (x: Tensor, start: number, size: number) => x.slice({ start: [0, start], size: [-1, size] });
  const tokenAt = (x: Tensor, t: number) => columns(x, t, 1).reshape([-1]);
  const i32 = (values: number[] | number[][]) => tensor(values, { dtype: "i32" });

  async function follow(model: PretrainedSeq2Seq, params: Params, name: string, start: number) {
    const { batch, logits: wanted } = written(name);
    const T = batch.decoderInputIds.shape[1];
    const prefill = jit((p: Params, ids: Tensor) =>
      model.prefill(p, { ...batch, decoderInputIds: ids }, { capacity: T + 1 })
    );
    const step = jit(model.step, { donate: [2] });
    let { logits, cache } = await prefill(params, columns(batch.decoderInputIds, 0, start));
    const check = async (t: number) => {
      const want = wanted.slice({ start: [0, t, 0], size: [-1, 1, -1] });
      expectClose(await logits.data(), await want.data(), 1e-4);
    };
    await check(start - 1);
    for (let t = start; t < T; t++) {
      ({ logits, cache } = await step(params, tokenAt(batch.decoderInputIds, t), cache));
      await check(t);
    }
    expect(await cache.length.data()).toEqual(new Int32Array(4).fill(T));
    step.dispose();
    prefill.dispose();
  }

  for (const name of BARTS) {
    it(`reads tokens one at a time from a cache: ${name} gives transformers' logits to 1e-4`, async () => {
      const { model, params } = loadBart(name, "seq2seq-lm", bartWriter(name));
      await follow(model, params, name, 1);
      await follow(model, params, name, 3);
    });
  }

  it("gives the logits of rows in another order from a cache with rows in that order", async () => {
    const { model, params } = loadBart("bart", "seq2seq-lm", bartWriter("bart"));
    const { batch, logits: wanted } = written("bart");
    const { cache } = model.prefill(params, { ...batch, decoderInputIds: columns(batch.decoderInputIds, 0, 2) }, {
      capacity: 4,
    });
    const order = [2, 0, 0, 3, 1];
    const tokens = await tokenAt(batch.decoderInputIds, 2).data();
    const next = model.step(params, i32(order.map((row) => tokens[row])), takeRows(cache, i32(order)));
    const want = await wanted.slice({ start: [0, 2, 0], size: [-1, 1, -1] }).reshape([4, -1]).data();
    const V = model.config.vocabSize;
    expectClose(
      await next.logits.data(),
      order.flatMap((row) => Array.from(want.slice(row * V, (row + 1) * V))),
      1e-4,
    );
  });

  it("lets rows of a text share the encoder's keys and values, which are there once", async () => {
    const { model, params } = loadBart("bart", "seq2seq-lm", bartWriter("bart"));
    const { batch } = written("bart");
    const prompt = { ...batch, decoderInputIds: columns(batch.decoderInputIds, 0, 2) };
    const { cache } = model.prefill(params, prompt, { capacity: 4 });
    const rows = i32([0, 0, 1, 1, 2, 2, 3, 3]);
    const tokens = i32([4, 5, 6, 7, 8, 9, 10, 11]);
    const shared = model.takeRows!(cache, rows);
    expect([shared.length.size, shared.crossMask.shape[0], shared.crossKeys[0]]).toEqual([8, 4, cache.crossKeys[0]]);
    const [own, together] = [takeRows(cache, rows), shared].map((one) => model.step(params, tokens, one).logits);
    expectClose(await together.data(), await own.data(), 1e-5);
  });

  it("leaves out padding in front of what the decoder has read, and after it", async () => {
    const { model, params } = loadBart("bart", "seq2seq-lm", bartWriter("bart"));
    const { batch } = written("bart");
    const ids = [[1, 1, 2, 7], [2, 9, 8, 1], [1, 2, 5, 6], [2, 4, 4, 9]];
    const mask = ids.map((row) => row.map((id) => id === 1 ? 0 : 1));
    const whole = { ...batch, decoderInputIds: i32(ids), decoderAttentionMask: i32(mask) };
    const { logits, cache } = model.prefill(params, whole, { capacity: 5 });
    expect(Array.from(await cache.first.data())).toEqual([2, 0, 1, 0]);
    expect(Array.from(await cache.length.data())).toEqual([4, 3, 4, 4]);
    const all = await model.apply(params, whole).data();
    const V = model.config.vocabSize;
    const last = [3, 2, 3, 3].flatMap((t, row) => Array.from(all.slice((row * 4 + t) * V, (row * 4 + t + 1) * V)));
    expectClose(await logits.data(), last, 1e-5);
    // A step writes into each row's own slot.
    const next = model.step(params, i32([5, 6, 7, 8]), cache);
    const longer = ids.map((row, i) => i === 1 ? [2, 9, 8, 6, 1] : [...row, [5, 6, 7, 8][i]]);
    const longerMask = longer.map((row, i) => row.map((id, t) => id === 1 && (i !== 1 || t === 4) ? 0 : 1));
    const again = await model.apply(params, {
      ...batch,
      decoderInputIds: i32(longer),
      decoderAttentionMask: i32(longerMask),
    }).data();
    const ends = [4, 3, 4, 4].flatMap((t, row) => Array.from(again.slice((row * 5 + t) * V, (row * 5 + t + 1) * V)));
    expectClose(await next.logits.data(), ends, 1e-5);
  });

  it("gives the logits of chosen positions alone", async () => {
    const { model, params } = loadBart("bart", "seq2seq-lm", bartWriter("bart"));
    const { batch, logits } = written("bart");
    const places = i32([7, 0, 23]);
    const got = model.apply(params, { ...batch, positions: places });
    const wanted = logits.reshape([24, -1]);
    const rows = [7, 0, 23].map((row) => wanted.at(row, { axis: 0 }).data());
    expectClose(await got.data(), (await Promise.all(rows)).flatMap((row) => Array.from(row)), 1e-4);
  });

  it("computes the same with checkpointed layers, keys included", async () => {
    const { params } = loadBart("bart", "seq2seq-lm", bartWriter("bart"));
    const { batch } = written("bart");
    const { config } = describedBarts.cases.bart["seq2seq-lm"];
    const gradient = (checkpoint: boolean) => {
      const model = fromConfig(config, { head: "seq2seq-lm", checkpoint });
      const sum = (p: Params) => model.apply(p, batch, random.key(5)).square().sum();
      return grad(sum)(params)["model.decoder.layers.0.encoder_attn.k_proj.weight"].data();
    };
    expectClose(await gradient(true), await gradient(false), 1e-5);
  });

  it("refuses more tokens than it has positions for, and a cache that is too small", () => {
    const { model, params } = loadBart("bart", "seq2seq-lm", bartWriter("bart"));
    const { batch } = written("bart");
    const ids = i32([Array.from({ length: 12 }, () => 5)]);
    expect(() => model.apply(params, { ...batch, decoderInputIds: ids })).toThrow(
      "bart: 12 written tokens are more than the model's 11 positions",
    );
    expect(() => model.apply(params, { ...batch, inputIds: ids, attentionMask: ids })).toThrow(
      "bart: 12 tokens are more than the model's 11 positions",
    );
    expect(() => model.prefill(params, batch, { capacity: 5 })).toThrow("6 tokens do not fit into a cache of 5");
    expect(() => model.prefill(params, { ...batch, positions: i32([0]) }, { capacity: 9 })).toThrow(
      "prefill cannot take positions",
    );
  });
});
