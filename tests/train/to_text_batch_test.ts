import { beforeAll, describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import { packTexts, pairBatches, textBatches } from "../../lib/data/mod.ts";
import { fromConfig } from "../../lib/models/mod.ts";
import { crossEntropy } from "../../lib/nn/mod.ts";
import { embedding, random } from "../../lib/ops/mod.ts";
import { toPairBatch, toTextBatch } from "../../lib/train/mod.ts";
import { testDevice } from "../support/device.ts";
import { expectClose, Numbers } from "../support/numbers.ts";

const text = (...ids: number[]) => ({ ids, labels: ids.map((_, t) => t > 0 ? ids[t + 1] ?? -100 : -100) });
const encoded = {
  examples: [text(1, 2, 3), text(4, 5, 6, 7), text(1, 3)],
  length: 4,
  padId: 0,
  isPacked: false,
  cut: 0,
  dropped: 0,
};

describe("toTextBatch()", () => {
  beforeAll(async () => void await testDevice());

  it("gives the same loss at all places as at those alone that have a label", async () => {
    for (const side of ["left", "right"] as const) {
      const [all] = textBatches(encoded, { batchSize: 3, side }).map(toTextBatch);
      const [asked] = textBatches(encoded, { batchSize: 3, side, places: "learned" }).map(toTextBatch);
      expect([all.labels.shape, asked.labels.shape, asked.positions?.shape]).toEqual([[3, 4], [6], [6]]);
      const logits = new Numbers(1).tensor([3, 4, 9]);
      const whole = crossEntropy(logits, all.labels, { labelSmoothing: 0.1 });
      const part = crossEntropy(embedding(logits.reshape([12, 9]), asked.positions!), asked.labels, {
        labelSmoothing: 0.1,
      });
      expect([await whole.count.item(), await part.count.item()]).toEqual([3, 3]);
      expectClose([await part.sum.item()], [await whole.sum.item()], 1e-6);
    }
  });

  it("gives a decoder the same loss however texts are padded, packed and asked for", async () => {
    const config = { model_type: "gpt2", vocab_size: 11, n_embd: 16, n_layer: 2, n_head: 2, n_positions: 16 };
    const model = fromConfig(config, { head: "causal-lm" });
    const params = model.init(random.key(3));
    const packed = packTexts(encoded, { length: 8 });
    expect(packed.examples.length).toBe(2);
    const losses: number[] = [];
    for (
      const [texts, options] of [
        [encoded, {}],
        [encoded, { side: "left" }],
        [encoded, { places: "learned" }],
        [packed, {}],
        [packed, { side: "left", places: "learned" }],
      ] as const
    ) {
      const [batch] = textBatches(texts, { batchSize: texts.examples.length, ...options }).map(toTextBatch);
      const { sum, count } = crossEntropy(model.apply(params, batch), batch.labels);
      expect(await count.item()).toBe(3);
      losses.push(await sum.item());
    }
    expect(losses[0]).toBeGreaterThan(3);
    expectClose(losses, losses.map(() => losses[0]), 1e-5);
  });

  it("has segments of packed rows alone, of the rows' shape", () => {
    const [plain] = textBatches(encoded, { batchSize: 3 }).map(toTextBatch);
    const [packed] = textBatches(packTexts(encoded, { length: 8 }), { batchSize: 2 }).map(toTextBatch);
    expect(["segmentIds" in plain, "positions" in plain]).toEqual([false, false]);
    for (const { shape, dtype } of Object.values(packed)) expect([shape, dtype]).toEqual([[2, 8], "i32"]);
    expect(packed.segmentIds).toBeDefined();
  });
});

describe("toPairBatch()", () => {
  it("gives sources and targets shapes of their own", () => {
    const pairs = {
      examples: [{ source: [2, 5, 3], target: [2, 3] }],
      lengths: { source: 5, target: 2 },
      padId: 0,
      startId: 3,
      cut: 0,
    };
    const [batch] = pairBatches(pairs, { batchSize: 2 }).map(toPairBatch);
    expect(Object.fromEntries(Object.entries(batch).map(([name, { shape }]) => [name, shape]))).toEqual({
      inputIds: [2, 5],
      attentionMask: [2, 5],
      decoderInputIds: [2, 2],
      decoderAttentionMask: [2, 2],
      labels: [2, 2],
    });
  });
});
