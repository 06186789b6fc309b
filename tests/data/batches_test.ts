import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import {
  batches,
  bucketLengths,
  encode,
  type EncodedExamples,
  encodeSplits,
  type HostBatch,
  readGlueFiles,
  seededPermutation,
  trainBatches,
  wordPiece,
} from "../../lib/data/mod.ts";

const tokenizer = wordPiece(["[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]", "a", "b"]);

/** Examples of which number i has the one token i and the label i. */
function numbered(count: number, kind: "classes" | "regression" = "classes"): EncodedExamples {
  const examples = Array.from({ length: count }, (_, i) => ({ ids: [i], typeIds: [0], label: i }));
  return { kind, examples, length: 8, padId: 99 };
}

/** Examples of which number i has the label i and a length from 1 to `longest`. */
function ragged(count: number, longest: number): EncodedExamples {
  const examples = Array.from({ length: count }, (_, i) => {
    const ids = Array<number>(1 + i * 37 % longest).fill(i);
    return { ids, typeIds: ids.map(() => 0), label: i };
  });
  return { kind: "classes", examples, length: longest, padId: 0 };
}

const longestOf = ({ attentionMask, shape: [rows, length] }: HostBatch): number =>
  Math.max(
    ...Array.from({ length: rows }, (_, row) =>
      attentionMask.subarray(row * length, (row + 1) * length).reduce((a, b) => a + b)),
  );

function take(batches: Iterable<HostBatch>, count: number): HostBatch[] {
  const result: HostBatch[] = [];
  for (const batch of batches) if (result.push(batch) === count) break;
  return result;
}

describe("encodeSplits()", () => {
  const examples = (...texts: string[]) => texts.map((text) => ({ text, text2: "b", label: 2.5 }));

  it("refuses labels that a batch would make another number of, by split and example", () => {
    const wrong = [
      ["classes", [NaN, 0.5, Infinity, 2 ** 31, null, undefined, "1"]],
      ["regression", [NaN, Infinity, null, undefined, "1"]],
    ] as const;
    for (const [kind, labels] of wrong) {
      for (const label of labels) {
        const dev = [{ text: "a", label: 1 }, { text: "b", label: label as number }];
        for (const isLazy of [false, true]) {
          expect(() => encodeSplits({ dev }, tokenizer, { kind, isLazy })).toThrow(
            /^Cannot encode example 1 of dev as its label .+ must be/,
          );
        }
      }
    }
  });

  it("rounds the longest example of both splits up to a multiple of 8, at most maxLength", () => {
    const length = (train: string, dev: string, maxLength?: number) => {
      const splits = { train: examples(train), dev: examples(dev) };
      const encoded = encodeSplits(splits, tokenizer, { kind: "regression", maxLength });
      expect(encoded.train.length).toBe(encoded.dev.length);
      return encoded.dev.length;
    };
    expect(length("a a a a", "a")).toBe(8);
    expect(length("a a a a a", "a")).toBe(16);
    expect(length("a", "a a a a a")).toBe(16);
    expect(length("a", "a ".repeat(50), 20)).toBe(20);
    expect(length("a", "a ".repeat(500))).toBe(128);
  });

  it("keeps raw scores as f32 labels and pads with the tokenizer's [PAD]", () => {
    const [batch] = batches(encode(examples("a a"), tokenizer, { kind: "regression" }), { batchSize: 1 });
    expect(batch).toEqual({
      inputIds: Int32Array.of(2, 5, 5, 3, 6, 3, 1, 1),
      attentionMask: Int32Array.of(1, 1, 1, 1, 1, 1, 0, 0),
      tokenTypeIds: Int32Array.of(0, 0, 0, 0, 1, 1, 0, 0),
      labels: Float32Array.of(2.5),
      weights: Float32Array.of(1),
      shape: [1, 8],
    });
  });

  it("tokenises an example once, when a batch asks for it, where it is lazy", () => {
    const asked: string[] = [];
    const spy = {
      ...tokenizer,
      encode: (...args: Parameters<typeof tokenizer.encode>) => {
        asked.push(args[0]);
        return tokenizer.encode(...args);
      },
    };
    const splits = { train: examples("a a"), dev: examples("b", "a b", "a") };
    const options = { kind: "regression", maxLength: 40 } as const;
    const { dev } = encodeSplits(splits, spy, { ...options, isLazy: true });
    expect([asked, dev.length]).toEqual([[], 40]);
    const batchesOf = (from: EncodedExamples) => batches(from, { batchSize: 2, padding: "bucket" });
    const lazy = batchesOf(dev);
    expect(asked).toEqual(["b", "a b", "a"]);
    expect(batchesOf(dev)).toEqual(lazy);
    expect(asked).toHaveLength(3);
    const eager = encodeSplits(splits, tokenizer, options);
    expect(lazy).toEqual(batchesOf({ ...eager.dev, length: 40 }));
  });

  it("names the example alone where there is one list of them", () => {
    expect(() => encode([{ text: "a", label: 0.5 }], tokenizer)).toThrow(
      "Cannot encode example 0 as its label 0.5 must",
    );
  });

  it("takes what readGlueFiles() gives", async () => {
    const text = "sentence\tlabel\na\t1\nb\t0\n";
    const data = await readGlueFiles(new Map([["SST-2/train.tsv", text], ["SST-2/dev.tsv", text]]), "sst2");
    expect(batches(encode(data.dev, tokenizer), { batchSize: 2 })[0].labels).toEqual(Int32Array.of(1, 0));
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

  it("pads each batch to the shortest bucket that its longest example fits in, and changes nothing else", () => {
    const task = ragged(50, 90);
    const whole = take(trainBatches(task, { batchSize: 3, seed: 5 }), 60);
    const padded = take(trainBatches(task, { batchSize: 3, seed: 5, padding: "bucket" }), 60);
    const lengths = bucketLengths(90);
    padded.forEach((batch, i) => {
      const [rows, length] = batch.shape;
      expect(length).toBe(lengths.find((one) => one >= longestOf(batch)));
      expect({ labels: batch.labels, weights: batch.weights }).toEqual({
        labels: whole[i].labels,
        weights: whole[i].weights,
      });
      for (const name of ["inputIds", "attentionMask", "tokenTypeIds"] as const) {
        for (let row = 0; row < rows; row++) {
          const values = [...batch[name].subarray(row * length, (row + 1) * length)];
          const padding = Array<number>(90 - length).fill(0);
          expect([...values, ...padding]).toEqual([...whole[i][name].subarray(row * 90, (row + 1) * 90)]);
        }
      }
    });
    expect(new Set(padded.map(({ shape }) => shape[1])).size).toBeGreaterThan(2);
  });

  it("fills a window's batches in the order of length, with the examples that it would have had", () => {
    const task = ragged(53, 128);
    const [batchSize, window, count] = [4, 6, 30];
    const plain = take(trainBatches(task, { batchSize, seed: 2 }), count);
    const sorted = take(trainBatches(task, { batchSize, seed: 2, window }), count);
    const lengthOf = (label: number) => task.examples[label].ids.length;
    for (let first = 0; first < count; first += window) {
      const labels = (batches: HostBatch[]) =>
        batches.slice(first, first + window).flatMap(({ labels }) => [...labels]);
      const byLength = (all: number[]) => all.toSorted((a, b) => lengthOf(a) - lengthOf(b) || a - b);
      expect(byLength(labels(sorted))).toEqual(byLength(labels(plain)));
      // Batches do not overlap in length: put in order, they are one sorted list.
      const spans = sorted.slice(first, first + window).map(({ labels }) => [...labels].map(lengthOf));
      const inOrder = spans.toSorted((a, b) => a[0] - b[0] || a[3] - b[3]).flat();
      expect(inOrder).toEqual(inOrder.toSorted((a, b) => a - b));
    }
    // They do not come from short to long each time.
    const orders = Array.from(
      { length: count / window },
      (_, w) => sorted.slice(w * window, (w + 1) * window).map(longestOf).join(),
    );
    expect(orders.some((order) => order !== order.split(",").map(Number).toSorted((a, b) => a - b).join())).toBe(true);
  });

  it("gives batch i of a window from seed and i alone, too", () => {
    const options = { batchSize: 4, window: 5, padding: "bucket" } as const;
    const task = ragged(53, 128);
    const whole = take(trainBatches(task, { ...options, seed: 2 }), 40);
    const { at } = trainBatches(task, { ...options, seed: 2 });
    for (const index of [39, 0, 12, 3, 13, 39]) expect(at(index)).toEqual(whole[index]);
    expect(take(trainBatches(task, { ...options, seed: 2, start: 17 }), 23)).toEqual(whole.slice(17));
    expect(take(trainBatches(task, { ...options, seed: 3 }), 40)).not.toEqual(whole);
    // 53 batches of 4 are 4 passes.
    const labels = take(trainBatches(task, { ...options, window: 53, seed: 2 }), 53).flatMap((
      { labels },
    ) => [...labels]);
    for (let i = 0; i < 53; i++) expect(labels.filter((label) => label === i)).toHaveLength(4);
  });

  it("refuses no examples and numbers that are no counts", () => {
    expect(() => trainBatches(numbered(0), { batchSize: 2, seed: 0 })).toThrow("there are no examples");
    expect(() => trainBatches(numbered(3), { batchSize: 0, seed: 0 })).toThrow(
      "batchSize must be a positive integer: 0",
    );
    expect(() => trainBatches(numbered(3), { batchSize: 2, seed: 0, window: 1.5 })).toThrow(
      "window must be a positive integer: 1.5",
    );
    expect(() => trainBatches(numbered(3), { batchSize: 2, seed: 0.5 })).toThrow(
      "seed must be a safe integer from 0: 0.5",
    );
    expect(() => trainBatches(numbered(3), { batchSize: 2, seed: 0, start: -1 })).toThrow("integer from 0: -1");
    expect(() => trainBatches(numbered(3), { batchSize: 2, seed: 0 }).at(NaN)).toThrow("integer from 0: NaN");
  });
});

describe("batches()", () => {
  it("keeps the order and fills the last batch with copies of weight 0", () => {
    const made = batches(numbered(5, "regression"), { batchSize: 2 });
    expect(made.map(({ labels }) => [...labels])).toEqual([[0, 1], [2, 3], [4, 4]]);
    expect(made.map(({ weights }) => [...weights])).toEqual([[1, 1], [1, 1], [1, 0]]);
    expect(made[2].attentionMask[8]).toBe(1);
    expect(batches(numbered(0), { batchSize: 2 })).toEqual([]);
  });

  it("pads each batch to a bucket where it is told to, the filled-up one by what it has", () => {
    const made = batches(ragged(5, 40), { batchSize: 2, padding: "bucket" });
    expect(made.map(longestOf)).toEqual([38, 35, 29]);
    expect(made.map(({ shape }) => shape)).toEqual([[2, 40], [2, 40], [2, 32]]);
  });
});

describe("bucketLengths()", () => {
  it("gives multiples of 16 up to 64, then of twice as much for each doubling, and the longest itself", () => {
    expect(bucketLengths(512)).toEqual([16, 32, 48, 64, 96, 128, 192, 256, 384, 512]);
    expect(bucketLengths(100)).toEqual([16, 32, 48, 64, 96, 100]);
    expect(bucketLengths(64)).toEqual([16, 32, 48, 64]);
    expect(bucketLengths(7)).toEqual([7]);
  });

  it("leaves less than a third of the longest row to padding above 64 tokens, with 2 lengths a doubling", () => {
    const lengths = bucketLengths(4096);
    for (let tokens = 65; tokens <= 4096; tokens++) {
      const length = lengths.find((one) => one >= tokens)!;
      expect((length - tokens) / length).toBeLessThan(1 / 3);
    }
    expect(lengths).toHaveLength(4 + 2 * Math.log2(4096 / 64));
  });

  it("refuses what is no length", () => {
    expect(() => bucketLengths(0)).toThrow("the longest must be a positive integer: 0");
    expect(() => bucketLengths(2.5)).toThrow("the longest must be a positive integer: 2.5");
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
