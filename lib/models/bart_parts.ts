import { embedding, stopGradient, where } from "../ops/mod.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { BartDescription } from "./bart_config.ts";
import type { CrossDecoderParts } from "./cross_decoder.ts";
import type { EncoderParts } from "./encoder.ts";
import type { Layers } from "./layers.ts";
import { normShapes, type ParameterShape, tableShapes } from "./parameter_shapes.ts";

/** The table of embeddings that encoder, decoder and logits share. */
export const BART_WORDS = "model.shared.weight";

/** Rows of a table of positions before that of the first one. */
const OFFSET = 2;

/** Embeddings of one half of a BART, normalised. Padding teaches its row nothing, like PyTorch's `padding_idx` has it. */
function embedder(half: "encoder" | "decoder", { wordScale, tokens: { padId } }: BartDescription) {
  return ({ get, norm }: Layers, inputIds: Tensor, positions?: Tensor): Tensor => {
    const rows = embedding(get(BART_WORDS), inputIds);
    const words = where(inputIds.equal(padId).expandDims(2), stopGradient(rows), rows);
    const table = get(`model.${half}.embed_positions.weight`);
    const places = positions
      ? embedding(table, positions.add(OFFSET))
      : table.slice({ start: [OFFSET, 0], size: [inputIds.shape[1], table.shape[1]] }).astype("f32");
    const sum = (wordScale === 1 ? words : words.mul(wordScale)).add(places);
    return norm(sum, `model.${half}.layernorm_embedding`);
  };
}

/** Parameters of the embeddings of one half, beside those of words. */
function embeddingShapes(half: "encoder" | "decoder", { encoder }: BartDescription): ParameterShape[] {
  const { maxLength, hiddenSize: C } = encoder;
  return [
    ...tableShapes(`model.${half}.embed_positions.weight`, maxLength + OFFSET, C),
    ...normShapes(`model.${half}.layernorm_embedding`, C),
  ];
}

/** The encoder of a BART, with the embeddings of words. */
export function bartEncoder(described: BartDescription): EncoderParts {
  const { encoder: sizes, activationDropout } = described;
  const embed = embedder("encoder", described);
  return {
    name: "bart",
    sizes,
    names: {
      query: "self_attn.q_proj",
      key: "self_attn.k_proj",
      value: "self_attn.v_proj",
      attentionOutput: "self_attn.out_proj",
      attentionNorm: "self_attn_layer_norm",
      intermediate: "fc1",
      output: "fc2",
      outputNorm: "final_layer_norm",
    },
    layer: (i) => `model.encoder.layers.${i}`,
    embeddings: [[BART_WORDS, [sizes.vocabSize, sizes.hiddenSize]], ...embeddingShapes("encoder", described)],
    embed: (layers, { inputIds }) => embed(layers, inputIds),
    activationDropout,
  };
}

/** The decoder of a BART, with its parameters before those of its layers. */
export function bartDecoder(
  described: BartDescription,
): { readonly parts: CrossDecoderParts; readonly embeddings: readonly ParameterShape[] } {
  const { decoder: sizes, activationDropout } = described;
  const parts = {
    sizes,
    layer: (i: number) => `model.decoder.layers.${i}`,
    activationDropout,
    embed: embedder("decoder", described),
  };
  return { parts, embeddings: embeddingShapes("decoder", described) };
}
