import { data, type generate, hub, models, type Params, peft, random, type Tensor } from "../../mod.ts";
import type { Tokenizer } from "../../lib/data/mod.ts";
import { isBuffer } from "../../lib/peft/targets.ts";
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

/** Token ids under a key: a number, a list of them, or none; `undefined` where the key is not there. */
function idsUnder(file: Readonly<Record<string, unknown>>, key: string): readonly number[] | undefined {
  const value = file[key];
  if (value === undefined) return undefined;
  return (Array.isArray(value) ? value : [value]).filter(isCount);
}

/**
 * What ends texts and is forced on them: by the settings of generation where a folder has them, else by the model's config,
 * as in transformers.
 */
function tokensOf(
  { config, generationConfig }: hub.PretrainedFiles,
  model: models.PretrainedSeq2Seq | models.PretrainedDecoder,
): Pick<Writer, "endTokens" | "forced"> {
  const own = (key: string) => generationConfig && idsUnder(generationConfig, key);
  if (!("tokens" in model.config)) {
    return { endTokens: own("eos_token_id") ?? idsUnder(config, "eos_token_id") ?? [], forced: {} };
  }
  const { endIds, decoderStartId, forcedFirstId, forcedEndIds } = model.config.tokens;
  const [decoderStart = decoderStartId] = own("decoder_start_token_id") ?? [];
  const [first, last] = generationConfig
    ? ["forced_bos_token_id", "forced_eos_token_id"].map((key) => own(key)?.[0])
    : [forcedFirstId, forcedEndIds[0]];
  return {
    endTokens: own("eos_token_id") ?? endIds,
    forced: { decoderStart, forcedFirstToken: first, forcedLastToken: last },
  };
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
  const files = await hub.loadPretrained(folder, { halves: weights });
  const { config, tensors, tokenizer } = files;
  if (!tokenizer) throw new Error(`cannot use ${folder}: it has no tokenizer.json, nor the older files of a tokenizer`);
  // What a BART's config.json leaves out is true of it.
  const hasEncoder = config.is_encoder_decoder === true || config.model_type === "bart";
  const model = hasEncoder
    ? models.fromConfig(config, { head: "seq2seq-lm" })
    : models.fromConfig(config, { head: "causal-lm" });
  requireVocabulary(folder, tokenizer, model.config.vocabSize);
  const { params: base, report } = models.paramsFrom(tensors, model, { key: random.key(0), dtype: weights });
  // A buffer that a file leaves out is zero.
  const lost = report.fresh.filter((name) => !isBuffer(name));
  if (lost.length > 0) throw new Error(`cannot use ${folder}: it lacks ${lost.join(", ")}`);
  return {
    model,
    params: await adapted(base, adapter),
    tokenizer,
    encode: (prompt) => hasEncoder ? tokenizer.encode(prompt).ids : data.encodePrompts([prompt], tokenizer)[0],
    ...tokensOf(files, model),
  };
}
