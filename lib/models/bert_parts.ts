import { embedding } from "../ops/mod.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { EncoderParts, EncoderSizes, LayerNames } from "./encoder.ts";
import type { Layers } from "./layers.ts";
import type { Batch } from "./model.ts";
import { normShapes } from "./parameter_shapes.ts";

/** What BERT calls the parts of a layer; RoBERTa and, but for its projections, DeBERTa call them so, too. */
export const BERT_LAYER: LayerNames = {
  query: "attention.self.query",
  key: "attention.self.key",
  value: "attention.self.value",
  attentionOutput: "attention.output.dense",
  attentionNorm: "attention.output.LayerNorm",
  intermediate: "intermediate.dense",
  output: "output.dense",
  outputNorm: "output.LayerNorm",
};

/** Embeddings of the positions 0, 1, … `[T, C]` from the table of that name. */
export function firstPositions({ get }: Layers, inputIds: Tensor, table: string): Tensor {
  const rows = get(table);
  return rows.slice({ start: [0, 0], size: [inputIds.shape[1], rows.shape[1]] }).astype("f32");
}

/** Embeddings of tokens' types from the table of that name: `[B, T, C]`, or `[1, C]` where there is but one. */
export function typesOf({ get }: Layers, { tokenTypeIds }: Pick<Batch, "tokenTypeIds">, table: string): Tensor {
  const rows = get(table);
  return rows.shape[0] === 1 ? rows.astype("f32") : embedding(rows, tokenTypeIds);
}

/** Options of {@linkcode bertParts}. */
export interface BertPartsOptions {
  /** First part of all names. */
  readonly prefix: string;
  readonly sizes: EncoderSizes;
  readonly typeVocabSize: number;
  /** Rows of the table of positions. */
  readonly positionRows: number;
  /** Width of the embeddings; that of hidden states by default. */
  readonly embeddingSize?: number;
  /** Embeddings of positions from the table of that name; by default those of 0, 1, … */
  readonly positions?: (layers: Layers, inputIds: Tensor, table: string) => Tensor;
}

/** An encoder the way BERT (1810.04805) has it. */
export function bertParts(options: BertPartsOptions): EncoderParts {
  const { prefix, sizes, typeVocabSize, positionRows, positions = firstPositions } = options;
  const { vocabSize, hiddenSize: C } = sizes;
  const { embeddingSize: E = C } = options;
  const name = (part: string) => `${prefix}.embeddings.${part}`;
  const tables = {
    words: name("word_embeddings.weight"),
    positions: name("position_embeddings.weight"),
    types: name("token_type_embeddings.weight"),
  };
  return {
    name: prefix,
    sizes,
    names: BERT_LAYER,
    layer: (i) => `${prefix}.encoder.layer.${i}`,
    embeddings: [
      [tables.words, [vocabSize, E]],
      [tables.positions, [positionRows, E]],
      [tables.types, [typeVocabSize, E]],
      ...normShapes(name("LayerNorm"), E),
    ],
    embed(layers, batch) {
      const places = positions(layers, batch.inputIds, tables.positions);
      const types = typesOf(layers, batch, tables.types);
      const words = embedding(layers.get(tables.words), batch.inputIds);
      return layers.norm(words.add(types).add(places), name("LayerNorm"));
    },
  };
}
