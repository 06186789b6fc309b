import { expect } from "expect";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { batches, type EncodedExamples } from "../../lib/data/mod.ts";
import { bert } from "../../lib/models/mod.ts";
import { random } from "../../lib/ops/mod.ts";
import { type Tensor, tensor } from "../../lib/tensor/mod.ts";
import { predict, toBatch, TrainingFailed } from "../../lib/train/mod.ts";
import { jit } from "../../lib/transform/mod.ts";
import type { Batch } from "../../lib/models/mod.ts";
import { testDevice } from "../support/device.ts";
import { Numbers } from "../support/numbers.ts";

const numbers = new Numbers(1);
const examples = (count: number, labels: (i: number) => number) =>
  Array.from({ length: count }, (_, i) => {
    const ids = Array.from({ length: 3 + i % 4 }, () => 2 + numbers.below(40));
    return { ids, typeIds: ids.map(() => 0), label: labels(i) };
  });
const encodedOf = (kind: "classes" | "regression", count: number, labels: (i: number) => number): EncodedExamples => ({
  kind,
  examples: examples(count, labels),
  length: 8,
  padId: 0,
});
const modelOf = (labels: number) =>
  bert({ vocabSize: 48, hiddenSize: 16, layers: 1, heads: 2, maxLength: 8, labels, dropout: 0 });

/** Logits of each example alone, on the host. */
async function logitsOf(apply: (batch: Batch) => Promise<Tensor>, encoded: EncodedExamples): Promise<number[][]> {
  const rows: number[][] = [];
  for (const batch of batches(encoded, { batchSize: 1 })) {
    rows.push(Array.from(await (await apply(toBatch(batch))).data()));
  }
  return rows;
}

describe("predict", () => {
  beforeAll(async () => void await testDevice());

  for (const count of [1, 4, 7, 8]) {
    it(`gives the largest logit's class for each of ${count} examples, filled-up rows left out`, async () => {
      const model = modelOf(3);
      const params = model.init(random.key(2));
      const apply = jit((batch: Batch) => model.apply(params, batch));
      const encoded = encodedOf("classes", count, (i) => i % 3);
      const found = await predict(apply, batches(encoded, { batchSize: 4 }));
      const logits = await logitsOf(apply, encoded);
      expect(found.predictions).toEqual(logits.map((row) => row.indexOf(Math.max(...row))));
      expect(found.labels).toEqual(encoded.examples.map(({ label }) => label));
      apply.dispose();
    });
  }

  it("gives the same for batches that are padded to buckets, of few shapes", async () => {
    const model = bert({ vocabSize: 48, hiddenSize: 16, layers: 1, heads: 2, maxLength: 40, labels: 2, dropout: 0 });
    const params = model.init(random.key(4));
    const apply = jit((batch: Batch) => model.apply(params, batch));
    const examples = Array.from({ length: 9 }, (_, i) => {
      const ids = Array.from({ length: 4 * (i + 1) }, () => 2 + numbers.below(40));
      return { ids, typeIds: ids.map(() => 0), label: i % 2 };
    });
    const encoded: EncodedExamples = { kind: "classes", examples, length: 40, padId: 0 };
    const shapes = new Set<string>();
    const found = await predict((batch) => {
      shapes.add(batch.inputIds.shape.join());
      return apply(batch);
    }, batches(encoded, { batchSize: 2, padding: "bucket" }));
    expect([...shapes]).toEqual(["2,16", "2,32", "2,40"]);
    expect(found).toEqual(await predict(apply, batches(encoded, { batchSize: 2 })));
    apply.dispose();
  });

  it("gives the score itself where there is one, whatever its sign", async () => {
    const model = modelOf(1);
    const params = model.init(random.key(3));
    const apply = jit((batch: Batch) => model.apply(params, batch));
    const encoded = encodedOf("regression", 5, (i) => i / 2);
    const found = await predict(apply, batches(encoded, { batchSize: 2 }));
    const scores = (await logitsOf(apply, encoded)).flat();
    found.predictions.forEach((score, i) => expect(Math.abs(score - scores[i])).toBeLessThan(1e-5));
    expect(found.labels).toEqual([0, 0.5, 1, 1.5, 2]);
    apply.dispose();
  });

  it("gives nothing for no batches", async () => {
    expect(await predict(() => Promise.reject(new Error("not called")), [])).toEqual({ predictions: [], labels: [] });
  });

  it("refuses logits that are no numbers, rather than some class, and names the example", async () => {
    const encoded = encodedOf("classes", 3, () => 0);
    const answers = (rows: number[][]) =>
      predict(() => Promise.resolve(tensor(rows)), batches(encoded, { batchSize: 3 }));
    await expect(answers([[1, 2], [NaN, 0], [1, 2]])).rejects.toThrow(TrainingFailed);
    await expect(answers([[1, 2], [0, NaN], [1, 2]])).rejects.toThrow("the model answers NaN to example 1");
  });
});

describe("toBatch", () => {
  it("gives the tensors that models take, of the batch's shapes and dtypes", async () => {
    const [host] = batches(encodedOf("regression", 2, () => 1.5), { batchSize: 2 });
    const batch = toBatch(host);
    const of = (x: Tensor) => [x.dtype, x.shape];
    expect(of(batch.inputIds)).toEqual(["i32", [2, 8]]);
    expect(of(batch.attentionMask)).toEqual(["i32", [2, 8]]);
    expect(of(batch.tokenTypeIds)).toEqual(["i32", [2, 8]]);
    expect(of(batch.labels)).toEqual(["f32", [2]]);
    expect(Array.from(await batch.weights.data())).toEqual([1, 1]);
    expect(toBatch({ ...host, labels: Int32Array.of(0, 1) }).labels.dtype).toBe("i32");
  });
});
