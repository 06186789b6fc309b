import type { Tokenizer } from "../data/tokenizer/tokenizer.ts";
import type { Params } from "../nn/linear.ts";
import type { Key } from "../ops/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Batch } from "./model.ts";

/** Sizes that a model of one's own does not choose itself. */
export interface GivenSizes {
  /** Tokens that its tokenizer knows: ids are below this. */
  readonly vocabSize: number;
  /** Outputs of its head: classes, or 1 for scores. */
  readonly labels: number;
}

/** A classifier of one's own: a pair of pure functions, its tokenizer, and what methods adapt of it. */
export interface ModelDescription {
  /** The name in specs and tables: lower case, with dashes. */
  readonly name: string;
  /** Its tokenizer; or a folder with the files of one, a model's name on the hub, or `suite` for that of the suite's encoder. */
  readonly tokenizer: string | Tokenizer;
  /** Most tokens of a text. */
  readonly maxLength: number;
  /** Endings of the paths of linear layers that LoRA and its kin adapt unless told otherwise. */
  readonly targets: readonly string[];
  /**
   * A folder with `model.safetensors`: what it has is read in the place of what `init` draws. All but the head must be
   * there, and nothing else. Without it, all but the head is drawn by a key of its own, the same in all runs.
   */
  readonly weights?: string;
  /**
   * Fresh parameters by name. Those of the head are called `classifier` (`classifier.weight`, `classifier.bias`), or `score`
   * or `pooler`; the last of them has as many rows as there are labels. Matrices of layers end in `.weight`, tables of
   * embeddings have `embeddings` in their names, so that no method takes them for layers.
   */
  init(key: Key, sizes: GivenSizes): Record<string, Tensor>;
  /** Logits `[B, labels]`. Layers that may be adapted go through `nn.linear`. Without a key nothing is dropped out. */
  apply(params: Params, batch: Omit<Batch, "labels">, key?: Key): Tensor;
}

/**
 * A model's description. A module that exports one as `model` is a model of the commands:
 * `deno task train --model ./my_model.ts`. Paths of its tokenizer and its weights are from the module's folder.
 *
 * @example The mean of a text's embeddings, and a head
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const model = dd.models.defineModel({
 *   name: "bag-of-words",
 *   tokenizer: dd.data.wordPiece(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad"]),
 *   maxLength: 32,
 *   targets: ["mix"],
 *   init: (key, { vocabSize, labels }) => ({
 *     "embeddings.weight": dd.random.normal(key, [vocabSize, 8]),
 *     "mix.weight": dd.random.normal(dd.random.foldIn(key, 1), [8, 8]),
 *     "classifier.weight": dd.random.normal(dd.random.foldIn(key, 2), [labels, 8]),
 *     "classifier.bias": dd.zeros([labels]),
 *   }),
 *   apply(params, { inputIds }) {
 *     const words = dd.embedding(dd.nn.tensorOf(params, "embeddings.weight"), inputIds);
 *     const mixed = dd.nn.linear(words.mean({ axis: 1 }), params["mix.weight"]).tanh();
 *     return dd.nn.linear(mixed, params["classifier.weight"], dd.nn.tensorOf(params, "classifier.bias"));
 *   },
 * });
 * console.log(model.init(dd.random.key(0), { vocabSize: 7, labels: 2 })["embeddings.weight"].shape); // [7, 8]
 * ```
 */
export function defineModel(definition: ModelDescription): ModelDescription {
  return definition;
}
