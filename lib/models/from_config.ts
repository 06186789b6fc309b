import { quoted } from "../text/quoted.ts";
import { misspelt, requireName } from "../text/nearest.ts";
import {
  type AnyHeadName,
  type Architecture,
  type ArchitectureNames,
  type FromConfigOptions,
  HEAD_NAMES,
  type HeadName,
  makeModel,
  type PretrainedModel,
} from "./architecture.ts";
import { BART, bartForClassification, bartForSeq2Seq } from "./bart.ts";
import { BERT } from "./bert_architecture.ts";
import type { PretrainedDecoder } from "./causal.ts";
import { DEBERTA } from "./deberta.ts";
import { type DecoderArchitecture, makeDecoder } from "./decoder_architecture.ts";
import { DISTILBERT } from "./distilbert.ts";
import { ELECTRA } from "./electra.ts";
import { GPT2 } from "./gpt2.ts";
import { LLAMA, QWEN2, QWEN3 } from "./llama.ts";
import type { PretrainedSeq2Seq } from "./seq2seq.ts";
import { CAMEMBERT, ROBERTA, XLM_ROBERTA } from "./roberta.ts";
import { isObject } from "../text/is_object.ts";

/** An architecture, the heads that it has, and its model. */
interface Entry {
  readonly names: ArchitectureNames;
  readonly heads: readonly AnyHeadName[];
  make(json: unknown, options: FromConfigOptions): PretrainedModel | PretrainedSeq2Seq;
}

const encoder = (names: Architecture): Entry => ({
  names,
  heads: ["classification", "masked-lm"],
  make: (json, options) => makeModel(names, json, options),
});

const decoder = (names: DecoderArchitecture): Entry => ({
  names,
  heads: ["classification", "causal-lm"],
  make: (json, options) => makeDecoder(names, json, options),
});

const bart: Entry = {
  names: BART,
  heads: ["classification", "seq2seq-lm"],
  make: (json, options) => (options.head === "seq2seq-lm" ? bartForSeq2Seq : bartForClassification)(json, options),
};

const ENTRIES: readonly Entry[] = [
  ...[BERT, ROBERTA, XLM_ROBERTA, CAMEMBERT, ELECTRA, DISTILBERT, DEBERTA].map(encoder),
  ...[GPT2, LLAMA, QWEN2, QWEN3].map(decoder),
  bart,
];
const MODEL_TYPES = ENTRIES.map(({ names }) => names.modelType);

/**
 * Modules that LoRA adapts unless told otherwise, by their names in PEFT, for the `model_type` of a `config.json`:
 * `["query", "value"]` for `bert`.
 */
export const LORA_TARGETS: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  ENTRIES.map(({ names: { modelType, loraTargets } }) => [modelType, loraTargets]),
);

function entryOf(json: unknown): Entry {
  if (!isObject(json)) {
    throw new RangeError(`a config.json holds an object, not ${JSON.stringify(json)?.slice(0, 60)}`);
  }
  const { model_type: type, architectures } = json;
  if (typeof type === "string") {
    const found = ENTRIES.find(({ names }) => names.modelType === type);
    if (found) return found;
    // Two edits from a name there are other models: albert is no misspelt bert, nor deberta a roberta.
    const meant = misspelt(type, MODEL_TYPES, 1);
    throw new RangeError(
      `cannot make a model of this config.json as model_type ${quoted(type)} is not supported: ` +
        `${meant === undefined ? "" : `did you mean "${meant}"? `}there are ${MODEL_TYPES.join(", ")}`,
    );
  }
  // Old files have no model_type.
  const [className] = Array.isArray(architectures) ? architectures : [];
  const found = ENTRIES.find(({ names }) => typeof className === "string" && className.startsWith(names.classPrefix));
  if (found) return found;
  throw new RangeError(`config.json names no model_type: there are ${MODEL_TYPES.join(", ")}`);
}

/**
 * The model that a parsed `config.json` of Hugging Face's describes, with parameters under Hugging Face's names:
 * [BERT](https://arxiv.org/abs/1810.04805) ([MiniLM](https://arxiv.org/abs/2002.10957), too),
 * [RoBERTa](https://arxiv.org/abs/1907.11692), [XLM-RoBERTa](https://arxiv.org/abs/1911.02116),
 * [CamemBERT](https://arxiv.org/abs/1911.03894), [ELECTRA](https://arxiv.org/abs/2003.10555),
 * [DistilBERT](https://arxiv.org/abs/1910.01108), DeBERTa [v2](https://arxiv.org/abs/2006.03654) and
 * [v3](https://arxiv.org/abs/2111.09543); of causal models GPT-2 ([Radford et al.
 * 2019](https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf)),
 * [Llama](https://arxiv.org/abs/2302.13971) (SmolLM2, too), [Qwen2](https://arxiv.org/abs/2407.10671), 2.5 and
 * [Qwen3](https://arxiv.org/abs/2505.09388); and [BART](https://arxiv.org/abs/1910.13461). Keys that are absent have
 * Hugging Face's defaults. A model with the head `causal-lm` or `seq2seq-lm` decodes, too: it has `prefill` and `step`.
 *
 * Throws a RangeError that names what is not supported (an architecture, a head, a value) and what is.
 *
 * @example
 * ```ts
 * import { models } from "@delta-dawn/delta-lora";
 *
 * const json = JSON.parse(`{"model_type": "roberta", "hidden_size": 64, "num_attention_heads": 4}`);
 * const model = models.fromConfig(json, { head: "classification", labels: 3 });
 * console.log(model.shapes.at(-1)); // ["classifier.out_proj.bias", [3]]
 * ```
 */
export function fromConfig(
  json: unknown,
  options: FromConfigOptions<"causal-lm">,
): PretrainedDecoder;
/** A model that writes a text about another, with the head `seq2seq-lm`. */
export function fromConfig(
  json: unknown,
  options: FromConfigOptions<"seq2seq-lm">,
): PretrainedSeq2Seq;
/** A model with any other head. */
export function fromConfig(
  json: unknown,
  options: FromConfigOptions<HeadName>,
): PretrainedModel;
export function fromConfig(json: unknown, options: FromConfigOptions): PretrainedModel | PretrainedSeq2Seq {
  const { names: { modelType }, heads, make } = entryOf(json);
  requireName("head", options.head, HEAD_NAMES);
  if (!heads.includes(options.head)) {
    throw new RangeError(`cannot give ${modelType} the head ${options.head}: it has ${heads.join(" and ")}`);
  }
  return make(json, options);
}
