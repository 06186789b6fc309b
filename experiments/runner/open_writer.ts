import { data, type generate, hub, models, type Params, peft, random, type Tensor } from "../../mod.ts";
import type { Tokenizer } from "../../lib/data/mod.ts";
import { isBuffer } from "../../lib/peft/targets.ts";
import { readAdapter } from "./heads/read_adapter.ts";
import { requireVocabulary, type StoredWeights } from "./model/load_model.ts";
import { textWriter, type WriterSettings } from "./model/text_writer.ts";

/** A model that writes texts, with its parameters and its tokenizer. */
export interface Writer extends WriterSettings {
  readonly model: models.CachedDecoder<generate.GenerationInput>;
  readonly params: Params;
  readonly tokenizer: Tokenizer;
  /** A prompt's token ids. Throws a RangeError where there is none. */
  encode(prompt: string): readonly number[];
}

/** Options of {@linkcode openWriter}. */
export interface OpenWriterOptions {
  /** The folder of an adapter in PEFT's format. */
  readonly adapter?: string;
  /** How matrices and tables are kept; f32 by default. */
  readonly weights?: StoredWeights;
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
  const { tensors, tokenizer } = files;
  if (!tokenizer) throw new Error(`cannot use ${folder}: it has no tokenizer.json, nor the older files of a tokenizer`);
  const { kind, model, endTokens, forced } = textWriter(files);
  requireVocabulary(folder, tokenizer, model.config.vocabSize);
  const { params: base, report } = models.paramsFrom(tensors, model, { key: random.key(0), dtype: weights });
  // A buffer that a file leaves out is zero.
  const lost = report.fresh.filter((name) => !isBuffer(name));
  if (lost.length > 0) throw new Error(`cannot use ${folder}: it lacks ${lost.join(", ")}`);
  return {
    model,
    params: await adapted(base, adapter),
    tokenizer,
    encode: (prompt) =>
      kind === "sequence-to-sequence" ? tokenizer.encode(prompt).ids : data.encodePrompts([prompt], tokenizer)[0],
    endTokens,
    forced,
  };
}
