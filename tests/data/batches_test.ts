import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import {
  type EncodedTask,
  encodeTask,
  evalBatches,
  type HostBatch,
  readGlueFiles,
  seededPermutation,
  trainBatches,
  wordPiece,
} from "../../lib/data/mod.ts";

const tokenizer = wordPiece(["[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]", "a", "b"]);

/** A task whose example i has the one token i and the label i. */
function numbered(count: number, kind: "classes" | "regression" = "classes"): EncodedTask {
  const examples = Array.from({ length: count }, (_, i) => ({ ids: [i], typeIds: [0], label: i }));
  return { kind, train: examples, dev: examples, length: 8, padId: 99 };
}

function take(batches: Iterable<HostBatch>, count: number): HostBatch[] {
  const result: HostBatch[] = [];
  for (const batch of batches) if (result.push(batch) === count) break;
  return result;
}

describe("encodeTask()", () => {
  const examples = (...texts: string[]) => texts.map((text) => ({ text, text2: "b", label: 2.5 }));

  it("rounds the longest example of both splits up to a multiple of 8, at most maxLength", () => {
    const task = { kind: "regression" } as const;
    const length = (train: string, dev: string, maxLength?: number) =>
      encodeTask({ task, train: examples(train), dev: examples(dev) }, tokenizer, { maxLength }).length;
    expect(length("a a a a", "a")).toBe(8);
    expect(length("a a a a a", "a")).toBe(16);
    expect(length("a", "a a a a a")).toBe(16);
    expect(length("a", "a ".repeat(50), 20)).toBe(20);
    expect(length("a", "a ".repeat(500))).toBe(128);
  });

  it("keeps raw scores as f32 labels and pads with the tokenizer's [PAD]", () => {
    const task = encodeTask({ task: { kind: "regression" }, train: examples("a"), dev: examples("a a") }, tokenizer);
    const [batch] = evalBatches(task, { batchSize: 1 });
    expect(batch).toEqual({
      inputIds: Int32Array.of(2, 5, 5, 3, 6, 3, 1, 1),
      attentionMask: Int32Array.of(1, 1, 1, 1, 1, 1, 0, 0),
      tokenTypeIds: Int32Array.of(0, 0, 0, 0, 1, 1, 0, 0),
      labels: Float32Array.of(2.5),
      weights: Float32Array.of(1),
      shape: [1, 8],
    });
  });

  it("takes what readGlueFiles() gives", async () => {
    const text = "sentence\tlabel\na\t1\nb\t0\n";
    const data = await readGlueFiles(new Map([["SST-2/train.tsv", text], ["SST-2/dev.tsv", text]]), "sst2");
    expect(evalBatches(encodeTask(data, tokenizer), { batchSize: 2 })[0].labels).toEqual(Int32Array.of(1, 0));
  });
});

describe("trainBatches()", () => {
  it("brings every example once a pass, in another order each pass, across the bounds of batches", () => {
    const labels = take(trainBatches(numbered(10), { batchSize: 4, seed: 3 }), 5).flatMap(({ labels }) => [...labels]);
    const passes = [labels.slice(0, 10), labels.slice(10)];
    for (const pass of passes) expect(pass.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(passes[0]).not.toEqual(passes[1]);
  });

  it("gives batch i from seed and i alone, so that a run goes on where it ended", () => {
    const task = numbered(10);
    const whole = take(trainBatches(task, { batchSize: 4, seed: 3 }), 9);
    expect(take(trainBatches(task, { batchSize: 4, seed: 3, start: 5 }), 4)).toEqual(whole.slice(5));
    const { at } = trainBatches(task, { batchSize: 4, seed: 3 });
    for (const index of [8, 0, 4, 2, 8]) expect(at(index)).toEqual(whole[index]);
    expect(take(trainBatches(task, { batchSize: 4, seed: 4 }), 9)).not.toEqual(whole);
  });

  it("keeps its shape and weights of 1 when the batch is larger than the task", () => {
    const batch = trainBatches(numbered(3), { batchSize: 8, seed: 0 }).at(0);
    expect(batch.shape).toEqual([8, 8]);
    expect(batch.weights).toEqual(new Float32Array(8).fill(1));
    expect(batch.labels.slice(0, 3).toSorted()).toEqual(Int32Array.of(0, 1, 2));
  });

  it("refuses no examples and numbers that are no counts", () => {
    expect(() => trainBatches(numbered(0), { batchSize: 2, seed: 0 })).toThrow("there are no examples");
    expect(() => trainBatches(numbered(3), { batchSize: 0, seed: 0 })).toThrow(
      "batchSize must be a positive integer: 0",
    );
    expect(() => trainBatches(numbered(3), { batchSize: 2, seed: 0.5 })).toThrow(
      "seed must be a safe integer from 0: 0.5",
    );
    expect(() => trainBatches(numbered(3), { batchSize: 2, seed: 0, start: -1 })).toThrow("integer from 0: -1");
    expect(() => trainBatches(numbered(3), { batchSize: 2, seed: 0 }).at(NaN)).toThrow("integer from 0: NaN");
  });
});

describe("evalBatches()", () => {
  it("keeps the order and fills the last batch with copies of weight 0", () => {
    const batches = evalBatches(numbered(5, "regression"), { batchSize: 2 });
    expect(batches.map(({ labels }) => [...labels])).toEqual([[0, 1], [2, 3], [4, 4]]);
    expect(batches.map(({ weights }) => [...weights])).toEqual([[1, 1], [1, 1], [1, 0]]);
    expect(batches[2].attentionMask[8]).toBe(1);
    expect(evalBatches(numbered(0), { batchSize: 2 })).toEqual([]);
  });
});

describe("seededPermutation()", () => {
  it("is what another writing of it in Python gives", async () => {
    // Made by `python tests/fixtures/shuffle.py`.
    const path = new URL("../fixtures/shuffle.json", import.meta.url);
    const cases: { length: number; seed: number; stream: number; order: number[] }[] = JSON.parse(
      await Deno.readTextFile(path),
    );
    for (const { length, seed, stream, order } of cases) {
      expect(Array.from(seededPermutation(length, seed, stream))).toEqual(order);
    }
  });

  it("puts every value at every place about as often as any other", () => {
    const [length, seeds] = [6, 6000];
    const counts = new Float64Array(length * length);
    for (let seed = 0; seed < seeds; seed++) {
      seededPermutation(length, seed).forEach((value, place) => counts[place * length + value]++);
    }
    const expected = seeds / length;
    let chiSquare = 0;
    for (const count of counts) chiSquare += (count - expected) ** 2 / expected;
    expect(chiSquare).toBeLessThan(52.6); // 25 degrees of freedom, p = 0.001
    expect(new Set(Array.from({ length: 1000 }, (_, seed) => seededPermutation(20, seed).join())).size).toBe(1000);
  });
});
