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

/** Modules that LoRA adapts unless told otherwise, the way PEFT names them, by `model_type`. */
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
 * The model that a parsed `config.json` of Hugging Face's describes, with parameters under Hugging Face's names: BERT
 * (MiniLM, too), RoBERTa, XLM-RoBERTa, CamemBERT, ELECTRA, DistilBERT, and DeBERTa-v2 and v3. Keys that are absent have
 * Hugging Face's defaults.
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
