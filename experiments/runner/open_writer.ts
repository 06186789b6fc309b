import { data, type generate, hub, models, type Params, peft, random, type Tensor } from "../../mod.ts";
import type { Tokenizer } from "../../lib/data/mod.ts";
import { isFile } from "../../lib/io/is_file.ts";
import { readJsonObject } from "../../lib/io/read_json_object.ts";
import { isCount } from "../../lib/text/is_count.ts";
import { readAdapter } from "./heads/read_adapter.ts";
import { requireVocabulary, type StoredWeights } from "./model/load_model.ts";

/** A model that writes texts, with its parameters and its tokenizer. */
export interface Writer {
  readonly model: models.CachedDecoder<generate.GenerationInput>;
  readonly params: Params;
  readonly tokenizer: Tokenizer;
  /** A prompt's token ids. Throws a RangeError where there is none. */
  encode(prompt: string): readonly number[];
  /** Tokens that end a text. */
  readonly endTokens: readonly number[];
  /** What is forced on texts, and what an encoder-decoder's decoder begins with, as the model's files say it. */
  readonly forced: Pick<generate.LimitOptions, "decoderStart" | "forcedFirstToken" | "forcedLastToken">;
}

/** Options of {@linkcode openWriter}. */
export interface OpenWriterOptions {
  /** The folder of an adapter in PEFT's format. */
  readonly adapter?: string;
  /** How matrices and tables are kept; f32 by default. */
  readonly weights?: StoredWeights;
}

/** Token ids under a key: a number, a list of them, or none. */
function idsUnder(files: readonly Readonly<Record<string, unknown>>[], key: string): readonly number[] {
  const value = files.map((file) => file[key]).find((one) => one !== undefined && one !== null);
  const ids = Array.isArray(value) ? value : value === undefined ? [] : [value];
  return ids.filter(isCount);
}

/** Parameters with an adapter, as its method makes them. */
async function adapted(base: Readonly<Record<string, Tensor>>, folder: string | undefined): Promise<Params> {
  if (folder === undefined) return base;
  const { method, trainable, aux, base: changed } = peft.adapterMethod(await readAdapter(folder), base);
  return method.adapt(changed, trainable, aux);
}

/**
 * Opens a causal model or an encoder-decoder of Hugging Face's, perhaps with an adapter.
 *
 * Throws an Error where files are missing or contradict each other, or the adapter does not fit.
 */
export async function openWriter(folder: string, { adapter, weights }: OpenWriterOptions = {}): Promise<Writer> {
  const { config, tensors, tokenizer } = await hub.loadPretrained(folder, { halves: weights });
  if (!tokenizer) throw new Error(`cannot use ${folder}: it has no tokenizer.json, nor the older files of a tokenizer`);
  const own = `${folder}/generation_config.json`;
  const files = [...await isFile(own) ? [await readJsonObject(own)] : [], config];
  // What a BART's config.json leaves out is true of it.
  const hasEncoder = config.is_encoder_decoder === true || config.model_type === "bart";
  const model = hasEncoder
    ? models.fromConfig(config, { head: "seq2seq-lm" })
    : models.fromConfig(config, { head: "causal-lm" });
  requireVocabulary(folder, tokenizer, model.config.vocabSize);
  const { params: base, report } = models.paramsFrom(tensors, model, { key: random.key(0), dtype: weights });
  if (report.fresh.length > 0) throw new Error(`cannot use ${folder}: it lacks ${report.fresh.join(", ")}`);
  const [start = idsUnder(files, "bos_token_id")[0]] = idsUnder(files, "decoder_start_token_id");
  return {
    model,
    params: await adapted(base, adapter),
    tokenizer,
    encode: (prompt) => hasEncoder ? tokenizer.encode(prompt).ids : data.encodePrompts([prompt], tokenizer)[0],
    endTokens: idsUnder(files, "eos_token_id"),
    forced: hasEncoder
      ? {
        decoderStart: start,
        forcedFirstToken: idsUnder(files, "forced_bos_token_id")[0],
        forcedLastToken: idsUnder(files, "forced_eos_token_id")[0],
      }
      : {},
  };
}
