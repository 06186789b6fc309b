import { cast, copy, models, nn, type Params, random, type Tensor, tensor } from "../../mod.ts";
import type { RunModel } from "../../experiments/runner/model/run_model.ts";
import type { PreparedTask } from "../../experiments/runner/train/prepare.ts";
import type { Batch, Key } from "../../mod.ts";

/** A model and the batches that it is trained with. */
export interface BenchModel {
  readonly name: string;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly maxLength: number;
  readonly labels: number;
  /** Rows and tokens of a batch. */
  readonly batch: readonly [rows: number, length: number];
}

/** Four layers of 256: small enough that everything that is not arithmetic shows. */
export const SMALL: BenchModel = {
  name: "small",
  vocabSize: 4096,
  hiddenSize: 256,
  layers: 4,
  heads: 4,
  maxLength: 64,
  labels: 2,
  batch: [8, 64],
};

/** The shape of MiniLM-L6-H384. */
export const MINILM: BenchModel = {
  name: "MiniLM",
  vocabSize: 30522,
  hiddenSize: 384,
  layers: 6,
  heads: 12,
  maxLength: 512,
  labels: 2,
  batch: [16, 64],
};

/** The encoder that ships with the suite, and the batches of its default runs. */
export const SUITE: BenchModel = {
  name: "suite",
  vocabSize: 456,
  hiddenSize: 64,
  layers: 2,
  heads: 4,
  maxLength: 64,
  labels: 2,
  batch: [16, 32],
};

/** A model for runs that only show that everything works. */
export const QUICK: BenchModel = { ...SMALL, name: "tiny", vocabSize: 512, hiddenSize: 64, layers: 2, batch: [4, 32] };

/** Models by the names that flags have for them. */
export const BENCH_MODELS: Readonly<Record<string, BenchModel>> = { tiny: QUICK, small: SMALL, minilm: MINILM };

/** A model's sizes, in words. */
export function describeModel(
  { layers, hiddenSize, heads, vocabSize, batch }: Omit<BenchModel, "name" | "maxLength" | "labels">,
): string {
  return `${layers} layers × ${hiddenSize}, ${heads} heads, vocabulary ${vocabSize.toLocaleString("en")}, ` +
    `batch ${batch.join(" × ")}`;
}

/** Parameters of one's own: matrices in f16 where they are kept so, but for those of the head. */
export function asStored(base: Readonly<Record<string, Tensor>>, weights?: "f16"): Record<string, Tensor> {
  const isHalf = (name: string, { rank }: Tensor) =>
    weights === "f16" && rank === 2 && !/(^|\.)(pooler|classifier)\./.test(name);
  return Object.fromEntries(
    Object.entries(base).map(([name, x]) => [name, isHalf(name, x) ? cast(x, "f16") : copy(x)]),
  );
}

/** A task of so many classes. */
export function classes(count: number): PreparedTask {
  return { kind: "classes", labels: Array.from({ length: count }, (_, i) => String(i)) };
}

/** A model of these sizes as runs use it, its weights drawn. */
export function runModel(model: BenchModel, weights?: "f16"): Pick<RunModel, "classifier"> {
  const { batch: _, name: __, ...sizes } = model;
  return {
    classifier({ labels = model.labels, dropout = 0 }) {
      const encoder = models.bert({ ...sizes, labels, dropout });
      return {
        apply: encoder.apply,
        params: (seed) => asStored(encoder.init(random.key(seed)), weights),
        get fresh() {
          return Object.keys(encoder.init(random.key(0)));
        },
      };
    },
  };
}

/** A batch as plain arrays, row by row. */
export interface PlainBatch {
  readonly inputIds: Int32Array;
  readonly attentionMask: Int32Array;
  readonly tokenTypeIds: Int32Array;
  readonly labels: Int32Array;
}

/** First of the ids that are words: those before have a meaning of their own. */
const FIRST_WORD = 5;

/** The one batch of every contender; bench/pytorch_peft.py makes the same. A quarter of the rows is padded. */
export function plainBatch(
  { vocabSize, batch: [rows, length], labels }: Pick<BenchModel, "vocabSize" | "batch" | "labels">,
): PlainBatch {
  const each = <T extends number>(value: (row: number, column: number, index: number) => T) =>
    Int32Array.from({ length: rows * length }, (_, i) => value(Math.floor(i / length), i % length, i));
  const isToken = (row: number, column: number) => row % 4 !== 3 || column < length * 3 / 4;
  return {
    inputIds: each((row, column, i) => isToken(row, column) ? FIRST_WORD + (i * 7919) % (vocabSize - FIRST_WORD) : 0),
    attentionMask: each((row, column) => Number(isToken(row, column))),
    tokenTypeIds: each((row, column) => Number(isToken(row, column) && column >= length / 2)),
    labels: Int32Array.from({ length: rows }, (_, row) => row % labels),
  };
}

/** A batch as tensors. */
export function tensorBatch(model: BenchModel): Batch {
  const { labels, ...rest } = plainBatch(model);
  const of = (data: Int32Array): Tensor => tensor(data, { shape: model.batch });
  return {
    inputIds: of(rest.inputIds),
    attentionMask: of(rest.attentionMask),
    tokenTypeIds: of(rest.tokenTypeIds),
    labels: tensor(labels),
  };
}

/** The encoder and its loss; with a dropout of 0 it draws no random numbers, so that others can be held against it. */
export function lossOf(model: BenchModel, options: { readonly dropout: number }) {
  const { batch: _, name: __, ...sizes } = model;
  const encoder = models.bert({ ...sizes, dropout: options.dropout });
  const loss = (params: Params, batch: Batch, key?: Key) =>
    nn.crossEntropy(encoder.apply(params, batch, key), batch.labels);
  return { encoder, loss };
}
