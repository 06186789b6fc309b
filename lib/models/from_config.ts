import { quoted } from "../text/quoted.ts";
import { misspelt, requireName } from "../text/nearest.ts";
import {
  type Architecture,
  type FromConfigOptions,
  HEAD_NAMES,
  makeModel,
  type PretrainedModel,
} from "./architecture.ts";
import { BERT } from "./bert_architecture.ts";
import { DEBERTA } from "./deberta.ts";
import { DISTILBERT } from "./distilbert.ts";
import { ELECTRA } from "./electra.ts";
import { CAMEMBERT, ROBERTA, XLM_ROBERTA } from "./roberta.ts";
import { isObject } from "../text/is_object.ts";

// Decoders join here, with heads of their own beside HEAD_NAMES.
const ARCHITECTURES: readonly Architecture[] = [BERT, ROBERTA, XLM_ROBERTA, CAMEMBERT, ELECTRA, DISTILBERT, DEBERTA];
const MODEL_TYPES = ARCHITECTURES.map(({ modelType }) => modelType);

/**
 * Modules that LoRA adapts unless told otherwise, by their names in PEFT, for the `model_type` of a `config.json`:
 * `["query", "value"]` for `bert`.
 */
export const LORA_TARGETS: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  ARCHITECTURES.map(({ modelType, loraTargets }) => [modelType, loraTargets]),
);

function architectureOf(json: unknown): Architecture {
  if (!isObject(json)) {
    throw new RangeError(`a config.json holds an object, not ${JSON.stringify(json)?.slice(0, 60)}`);
  }
  const { model_type: type, architectures } = json;
  if (typeof type === "string") {
    const found = ARCHITECTURES.find(({ modelType }) => modelType === type);
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
  const found = ARCHITECTURES.find(({ classPrefix }) =>
    typeof className === "string" && className.startsWith(classPrefix)
  );
  if (found) return found;
  throw new RangeError(`config.json names no model_type: there are ${MODEL_TYPES.join(", ")}`);
}

/**
 * The model that a parsed `config.json` of Hugging Face's describes, with parameters under Hugging Face's names:
 * [BERT](https://arxiv.org/abs/1810.04805) ([MiniLM](https://arxiv.org/abs/2002.10957), too),
 * [RoBERTa](https://arxiv.org/abs/1907.11692), [XLM-RoBERTa](https://arxiv.org/abs/1911.02116),
 * [CamemBERT](https://arxiv.org/abs/1911.03894), [ELECTRA](https://arxiv.org/abs/2003.10555),
 * [DistilBERT](https://arxiv.org/abs/1910.01108), and DeBERTa [v2](https://arxiv.org/abs/2006.03654) and
 * [v3](https://arxiv.org/abs/2111.09543). Keys that are absent have Hugging Face's defaults.
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
export function fromConfig(json: unknown, options: FromConfigOptions): PretrainedModel {
  const architecture = architectureOf(json);
  requireName("head", options.head, HEAD_NAMES);
  return makeModel(architecture, json, options);
}
