import * as v from "valibot";
import { misspelt, nearest } from "../text/nearest.ts";
import { quoted } from "../text/quoted.ts";
import { ACTIVATION_NAMES } from "./activations.ts";
import { isObject } from "../text/is_object.ts";

// Bounds keep a damaged file from asking for loops and arrays without end.
const whole = (longest: number) => v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(longest));

const LARGEST = 2 ** 24;

/** A size that a file gives or an architecture's default. */
export const size = (otherwise: number, longest = LARGEST) => v.nullish(whole(longest), otherwise);
/** A size that follows from others where a file does not give it. */
export const optionalSize = v.nullish(whole(LARGEST));
/** A number of layers. */
export const layerCount = (otherwise: number) => size(otherwise, 1024);
/** A rate of dropout. */
export const rate = (otherwise: number) =>
  v.nullish(v.pipe(v.number(), v.minValue(0), v.ltValue(1, "a rate lies in [0, 1)")), otherwise);
/** A number above zero. */
export const positive = (otherwise: number) => v.nullish(v.pipe(v.number(), v.finite(), v.gtValue(0)), otherwise);
/** A yes or no. */
export const flag = (otherwise: boolean) => v.nullish(v.boolean(), otherwise);
/** The one value that is supported. */
export const only = <const Value extends string | number | boolean>(value: Value) => v.nullish(v.literal(value), value);
/** The name of an activation. */
export const activation = (otherwise: typeof ACTIVATION_NAMES[number]) =>
  v.nullish(v.picklist(ACTIVATION_NAMES), otherwise);
/** A key that is known and changes nothing of what is computed here. */
export const unread = v.nullish(v.unknown());
const nothing = v.nullish(v.pipe(
  v.unknown(),
  v.check(
    (value) => typeof value === "object" && Object.keys(value ?? {}).length === 0,
    "is not supported: there is only its absence",
  ),
));

/** What a class is called: transformers takes numbers for names, too. */
const className = v.pipe(v.union([v.string(), v.number(), v.boolean()]), v.transform(String));

/** What all encoders have in their `config.json`. */
export const COMMON = {
  model_type: v.nullish(v.string()),
  architectures: v.nullish(v.array(v.string())),
  vocab_size: size(30522),
  initializer_range: positive(0.02),
  num_labels: v.nullish(whole(2 ** 20)),
  id2label: v.nullish(v.record(v.pipe(v.string(), v.regex(/^\d+$/)), className)),
  problem_type: v.nullish(v.picklist(["regression", "single_label_classification", "multi_label_classification"])),
  tie_word_embeddings: flag(true),
  is_decoder: only(false),
  is_encoder_decoder: only(false),
  add_cross_attention: only(false),
  position_embedding_type: only("absolute"),
  pruned_heads: nothing,
  quantization_config: nothing,
} as const;

/** Keys that change nothing of what is computed here. */
const HARMLESS = new Set([
  ...["_name_or_path", "name_or_path", "transformers_version", "torch_dtype", "dtype", "tokenizer_class", "label2id"],
  ...["use_cache", "output_past", "output_attentions", "output_hidden_states", "return_dict", "gradient_checkpointing"],
  ...["chunk_size_feed_forward", "finetuning_task", "task_specific_params", "language", "attn_implementation"],
  // Settings of generation, which newer files have in generation_config.json.
  ...["early_stopping", "length_penalty", "max_length", "min_length", "no_repeat_ngram_size", "num_beams", "do_sample"],
  ...["num_return_sequences", "repetition_penalty", "temperature", "top_k", "top_p", "_num_labels", "save_step"],
  ...["bos_token_id", "eos_token_id", "sep_token_id", "cls_token_id", "pad_token_id", "mask_token_id"],
]);

function cut(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest - 3)}…` : text;
}

const shown = (value: unknown) => cut(JSON.stringify(value) ?? String(value), 60);

function describe(issue: v.BaseIssue<unknown>): string {
  const path = cut(v.getDotPath(issue) ?? "its root", 100);
  const { input } = issue;
  if (issue.type === "picklist") {
    const names = Array.from(issue.expected?.matchAll(/"([^"]*)"/g) ?? [], ([, name]) => name);
    const near = typeof input === "string" ? `did you mean "${nearest(input, names)}"? ` : "";
    return `${path} ${shown(input)} is not supported: ${near}there are ${names.join(", ")}`;
  }
  if (issue.type === "literal") return `${path} ${shown(input)} is not supported: there is only ${issue.expected}`;
  if (issue.type === "check") return `${path} ${shown(input)} ${issue.message}`;
  return `${path} is wrong: ${cut(issue.message, 200)}`;
}

/** A `config.json` as its schema reads it. */
export interface ReadConfig<Values> {
  readonly values: Values;
  /** Keys that are neither known to matter nor known not to. */
  readonly unused: readonly string[];
}

/**
 * Reads a parsed `config.json` by the entries that an architecture knows; null is as good as absent.
 *
 * Throws a RangeError that names the key, its value and what is supported, or a key that is but misspelt.
 */
export function readConfig<const Entries extends v.ObjectEntries>(
  architecture: string,
  entries: Entries,
  json: unknown,
): ReadConfig<v.InferOutput<v.ObjectSchema<Entries, undefined>>> {
  const result = v.safeParse(v.object(entries), json);
  if (!result.success) {
    throw new RangeError(`cannot make ${architecture} of this config.json as ${describe(result.issues[0])}`);
  }
  const isUnused = (key: string) => !Object.hasOwn(entries, key) && !HARMLESS.has(key);
  const given = isObject(json) ? json : {};
  const unused = Object.keys(given).filter(isUnused).sort();
  const absent = Object.keys(entries).filter((name) => !Object.hasOwn(given, name) || (given[name] ?? null) === null);
  for (const key of unused) {
    const meant = misspelt(key, absent);
    // Its default would be taken in silence.
    if (meant !== undefined) {
      throw new RangeError(`cannot make ${architecture} of this config.json as it has no ${meant}, but ${quoted(key)}`);
    }
  }
  return { values: result.output, unused };
}
