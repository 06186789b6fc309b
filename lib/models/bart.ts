import { arange, embedding, tanh, where } from "../ops/mod.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type ArchitectureNames, type FromConfigOptions, labelsOf, type PretrainedModel } from "./architecture.ts";
import { type BartDescription, describeBart } from "./bart_config.ts";
import { type BartReader, bartReader, LOGITS_BIAS } from "./bart_reader.ts";
import { BART_WORDS } from "./bart_parts.ts";
import { bartWriter } from "./bart_writer.ts";
import { layersOf } from "./layers.ts";
import { freshParameters, type ParameterShape } from "./parameter_shapes.ts";
import { twoLayerClassifier } from "./roberta.ts";
import type { PretrainedSeq2Seq, PretrainedSeq2SeqConfig } from "./seq2seq.ts";
import { shiftRight } from "./shift_right.ts";

const COPIES = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight"];

/** What is known of every BART ([Lewis et al. 2019](https://arxiv.org/abs/1910.13461)). */
export const BART: ArchitectureNames = {
  modelType: "bart",
  classPrefix: "Bart",
  prefix: "model",
  loraTargets: ["q_proj", "v_proj"],
};

/** What files may hold beside parameters: other heads, and the shared embeddings under further names. */
const BESIDE = [
  /^(classification_head|qa_outputs|lm_head)\./,
  /^final_logits_bias$/,
  /^(en|de)coder\.(embed_tokens\.weight|version)$/,
];

function configOf(
  { encoder, decoder, activationDropout, classifierDropout, tokens, common, unused }: BartDescription,
  options: FromConfigOptions,
): PretrainedSeq2SeqConfig {
  return {
    ...encoder,
    architecture: BART.modelType,
    head: options.head,
    ...labelsOf(common, options),
    classifierDropout,
    decoderLayers: decoder.layers,
    decoderHeads: decoder.heads,
    decoderIntermediateSize: decoder.intermediateSize,
    activationDropout,
    tokens,
    unusedKeys: unused,
  };
}

/** What both heads have in common: all but functions of batches. */
function modelOf(config: PretrainedSeq2SeqConfig, shapes: readonly ParameterShape[], head: readonly ParameterShape[]) {
  const { prefix, classPrefix, loraTargets } = BART;
  const all = [...shapes, ...head];
  return {
    config,
    shapes: all,
    init: (...[key, only]: Parameters<PretrainedModel["init"]>) =>
      freshParameters(all, key, { std: config.initializerRange, only }),
    prefix,
    classPrefix,
    loraTargets,
    headNames: head.map(([name]) => name),
    beside: BESIDE,
    copies: { [BART_WORDS]: COPIES },
  };
}

/**
 * Hidden states `[B, 1, C]` of each row's last end of a text; NaN where it has none, so that no class is taken for the
 * answer to what was cut off.
 */
function lastEnds(hidden: Tensor, inputIds: Tensor, endId: number): Tensor {
  const [B, T, C] = hidden.shape;
  const last = where(inputIds.equal(endId), arange(T), -1).max({ axis: 1 });
  const places = where(last.less(0), -1, last.add(arange(B).mul(T)));
  return embedding(hidden.reshape([B * T, C]), places).expandDims(1);
}

/** A BART that reads a text twice, encoding and decoding it, and says of which class it is. */
function classifier(
  described: BartDescription,
  config: PretrainedSeq2SeqConfig,
  { read, shapes }: BartReader,
): PretrainedModel {
  const { hiddenSize, layerNormEpsilon: epsilon, labels, classifierDropout: dropout } = config;
  const head = twoLayerClassifier({ hiddenSize, labels, dropout, activate: tanh, name: "classification_head" });
  const { tokens } = described;
  return {
    ...modelOf(config, shapes, head.shapes),
    apply(params, batch, key) {
      const decoderInputIds = shiftRight(batch.inputIds, tokens);
      const { hidden, nextKey } = read(params, { ...batch, decoderInputIds }, { key, headKeys: head.keys });
      const ends = lastEnds(hidden, batch.inputIds, tokens.endIds[0]);
      return head.apply(ends, { ...layersOf(params, { epsilon }), batch, nextKey });
    },
  };
}

/** A BART that classifies. Throws a RangeError that names what is not supported. */
export function bartForClassification(json: unknown, options: FromConfigOptions): PretrainedModel {
  const described = describeBart(json, options);
  return classifier(described, configOf(described, options), bartReader(described));
}

/** A BART that writes texts. Throws a RangeError that names what is not supported. */
export function bartForSeq2Seq(json: unknown, options: FromConfigOptions): PretrainedSeq2Seq {
  const described = describeBart(json, options);
  const reader = bartReader(described);
  const config = configOf(described, options);
  const head: ParameterShape[] = [[LOGITS_BIAS, [1, config.vocabSize]]];
  return { ...modelOf(config, reader.shapes, head), ...bartWriter(reader) };
}
