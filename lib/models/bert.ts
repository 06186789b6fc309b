import { add, embedding, gelu, matmul, ones, reshape, select, slice, tanh, transpose, zeros } from "../ops/mod.ts";
import * as random from "../ops/random_mod.ts";
import type { Key } from "../ops/random.ts";
import { attention } from "../nn/attention.ts";
import { dropout } from "../nn/dropout.ts";
import { layerNorm } from "../nn/layer_norm.ts";
import { linear, type Params, tensorOf } from "../nn/linear.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkpoint } from "../transform/checkpoint.ts";
import type { Batch, Model } from "./model.ts";

/** Sizes of a BERT encoder (1810.04805) and its head. */
export interface BertConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  /** Longest text, in tokens. */
  readonly maxLength: number;
  /** Classes; 1 for regression. 2 by default. */
  readonly labels?: number;
  /** Width between the two projections of a feed-forward part; 4 · hiddenSize by default. */
  readonly intermediateSize?: number;
  readonly typeVocabSize?: number;
  /** Rate for hidden states, attention weights and the pooled state, where a key is given; 0.1 by default. */
  readonly dropout?: number;
  readonly layerNormEpsilon?: number;
  /** Standard deviation of fresh weights. */
  readonly initializerRange?: number;
  /** Keeps of each layer only its input for the backward pass, which computes the rest again; false by default. */
  readonly checkpoint?: boolean;
}

type Resolved = Required<BertConfig>;

function resolve(config: BertConfig): Resolved {
  const resolved = {
    labels: 2,
    intermediateSize: 4 * config.hiddenSize,
    typeVocabSize: 2,
    dropout: 0.1,
    layerNormEpsilon: 1e-12,
    initializerRange: 0.02,
    checkpoint: false,
    ...config,
  };
  if (resolved.hiddenSize % resolved.heads !== 0) {
    throw new RangeError(`bert: ${resolved.heads} heads do not divide a hidden size of ${resolved.hiddenSize}`);
  }
  return resolved;
}

/** Shapes of the encoder's parameters, in Hugging Face's order. */
function encoderShapes(config: Resolved): [name: string, shape: number[]][] {
  const { vocabSize, hiddenSize: C, layers, maxLength, intermediateSize: F, typeVocabSize } = config;
  const norm = (name: string): [string, number[]][] => [[`${name}.weight`, [C]], [`${name}.bias`, [C]]];
  const dense = (name: string, output: number, input: number): [string, number[]][] => [
    [`${name}.weight`, [output, input]],
    [`${name}.bias`, [output]],
  ];
  const shapes: [string, number[]][] = [
    ["bert.embeddings.word_embeddings.weight", [vocabSize, C]],
    ["bert.embeddings.position_embeddings.weight", [maxLength, C]],
    ["bert.embeddings.token_type_embeddings.weight", [typeVocabSize, C]],
    ...norm("bert.embeddings.LayerNorm"),
  ];
  for (let i = 0; i < layers; i++) {
    const layer = `bert.encoder.layer.${i}`;
    for (const part of ["query", "key", "value"]) shapes.push(...dense(`${layer}.attention.self.${part}`, C, C));
    shapes.push(...dense(`${layer}.attention.output.dense`, C, C), ...norm(`${layer}.attention.output.LayerNorm`));
    shapes.push(...dense(`${layer}.intermediate.dense`, F, C));
    shapes.push(...dense(`${layer}.output.dense`, C, F), ...norm(`${layer}.output.LayerNorm`));
  }
  return shapes;
}

/** Fresh parameters: normal weights, zero biases, layer norms at one. */
function initialize(shapes: readonly [string, number[]][], std: number, key: Key): Record<string, Tensor> {
  return Object.fromEntries(shapes.map(([name, shape], i) => {
    if (name.endsWith("LayerNorm.weight")) return [name, ones(shape)];
    if (name.endsWith("bias")) return [name, zeros(shape)];
    return [name, random.normal(random.foldIn(key, i), shape, { std })];
  }));
}

/** Hands out a key for each place that drops out, or none: one for the embeddings, three a layer, one for the head. */
function keyring(key: Key | undefined, layers: number): () => Key | undefined {
  const keys = key ? random.foldInEach(key, 3 * layers + 2) : [];
  let used = 0;
  return () => keys[used++];
}

/**
 * Hidden states of the last layer: `[B, T, C]`, or `[B, 1, C]` of the first token alone. What the last layer makes of
 * the other tokens reaches nobody then, so that it is not computed but for their keys and values.
 */
function encode(
  params: Params,
  batch: Omit<Batch, "labels">,
  config: Resolved,
  { nextKey, tokens }: { readonly nextKey: () => Key | undefined; readonly tokens: "all" | "first" },
): Tensor {
  const { hiddenSize: C, heads, layers, maxLength, dropout: rate, layerNormEpsilon: epsilon } = config;
  const { inputIds, attentionMask: mask, tokenTypeIds } = batch;
  const [B, T] = inputIds.shape;
  if (T > maxLength) throw new RangeError(`bert: ${T} tokens are more than the model's ${maxLength} positions`);
  const get = (name: string) => tensorOf(params, name);
  const norm = (x: Tensor, name: string) => layerNorm(x, get(`${name}.weight`), get(`${name}.bias`), { epsilon });
  const dense = (x: Tensor, name: string) => linear(x, params[`${name}.weight`], get(`${name}.bias`));
  const drop = (x: Tensor) => dropout(x, { rate, key: nextKey() });

  const positions = slice(get("bert.embeddings.position_embeddings.weight"), { start: [0, 0], size: [T, C] });
  const types = embedding(get("bert.embeddings.token_type_embeddings.weight"), tokenTypeIds);
  const words = embedding(get("bert.embeddings.word_embeddings.weight"), inputIds);
  let x = drop(norm(add(add(words, types), positions), "bert.embeddings.LayerNorm"));
  const split = (y: Tensor) => transpose(reshape(y, [B, -1, heads, C / heads]), [0, 2, 1, 3]);
  const encodeLayer = (input: Tensor, i: number) => {
    const layer = `bert.encoder.layer.${i}`;
    const project = (y: Tensor, part: string) => split(dense(y, `${layer}.attention.self.${part}`));
    const [k, v] = [project(input, "key"), project(input, "value")];
    const isShort = i === layers - 1 && tokens === "first";
    const own = isShort ? slice(input, { start: [0, 0, 0], size: [-1, 1, -1] }) : input;
    const mixed = attention(project(own, "query"), k, v, { mask, dropout: rate, key: nextKey() });
    const joined = reshape(transpose(mixed, [0, 2, 1, 3]), [B, -1, C]);
    const attended = drop(dense(joined, `${layer}.attention.output.dense`));
    const middle = norm(add(attended, own), `${layer}.attention.output.LayerNorm`);
    const widened = gelu(dense(middle, `${layer}.intermediate.dense`));
    return norm(add(drop(dense(widened, `${layer}.output.dense`)), middle), `${layer}.output.LayerNorm`);
  };
  for (let i = 0; i < layers; i++) {
    const layer = (input: Tensor) => encodeLayer(input, i);
    x = config.checkpoint ? checkpoint(layer)(x) : layer(x);
  }
  return x;
}

/**
 * A BERT encoder with a head on the pooled first token: logits `[B, labels]`. Parameters have the names of Hugging
 * Face's `BertForSequenceClassification`.
 */
export function bert(config: BertConfig): Model<Required<BertConfig>> {
  const resolved = resolve(config);
  const { hiddenSize: C, labels, initializerRange, dropout: rate } = resolved;
  return {
    config: resolved,
    init: (key) =>
      initialize(
        [
          ...encoderShapes(resolved),
          ["bert.pooler.dense.weight", [C, C]],
          ["bert.pooler.dense.bias", [C]],
          ["classifier.weight", [labels, C]],
          ["classifier.bias", [labels]],
        ],
        initializerRange,
        key,
      ),
    apply(params, batch, key) {
      const nextKey = keyring(key, resolved.layers);
      const hidden = encode(params, batch, resolved, { nextKey, tokens: "first" });
      const first = select(hidden, { axis: 1, index: 0 });
      const pooled = tanh(
        linear(first, params["bert.pooler.dense.weight"], tensorOf(params, "bert.pooler.dense.bias")),
      );
      const dropped = dropout(pooled, { rate, key: nextKey() });
      return linear(dropped, params["classifier.weight"], tensorOf(params, "classifier.bias"));
    },
  };
}

/** A batch for {@linkcode bertForMaskedLM}. */
export interface MaskedBatch extends Omit<Batch, "labels"> {
  /** i32 `[M]`: positions in `[B · T]` whose tokens are asked for; all of them by default. */
  readonly positions?: Tensor;
}

/**
 * A BERT encoder that fills masked tokens: logits `[B, T, vocabulary]`, or `[M, vocabulary]` at the given positions,
 * through the tied word embeddings. Parameters have the names of Hugging Face's `BertForMaskedLM`.
 */
export function bertForMaskedLM(config: BertConfig): Model<Required<BertConfig>, MaskedBatch> {
  const resolved = resolve(config);
  const { hiddenSize: C, vocabSize, initializerRange, layerNormEpsilon: epsilon } = resolved;
  const head = "cls.predictions";
  return {
    config: resolved,
    init: (key) =>
      initialize(
        [
          ...encoderShapes(resolved),
          [`${head}.bias`, [vocabSize]],
          [`${head}.transform.dense.weight`, [C, C]],
          [`${head}.transform.dense.bias`, [C]],
          [`${head}.transform.LayerNorm.weight`, [C]],
          [`${head}.transform.LayerNorm.bias`, [C]],
        ],
        initializerRange,
        key,
      ),
    apply(params, batch, key) {
      const get = (name: string) => tensorOf(params, name);
      const all = encode(params, batch, resolved, { nextKey: keyring(key, resolved.layers), tokens: "all" });
      const hidden = batch.positions ? embedding(reshape(all, [-1, C]), batch.positions) : all;
      const transform = `${head}.transform`;
      const widened = gelu(linear(hidden, params[`${transform}.dense.weight`], get(`${transform}.dense.bias`)));
      const weight = get(`${transform}.LayerNorm.weight`);
      const normed = layerNorm(widened, weight, get(`${transform}.LayerNorm.bias`), { epsilon });
      const scores = matmul(normed, get("bert.embeddings.word_embeddings.weight"), { transposeB: true });
      return add(scores, get(`${head}.bias`));
    },
  };
}
