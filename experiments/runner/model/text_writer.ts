import { type generate, type hub, models, type Tensor } from "../../../mod.ts";
import { isCount } from "../../../lib/text/is_count.ts";

/** What a model's files say of how it writes texts. */
export interface WriterSettings {
  /** Tokens that end a text. */
  readonly endTokens: readonly number[];
  /** What is forced on texts, and what an encoder-decoder's decoder begins with. */
  readonly forced: Pick<generate.LimitOptions, "decoderStart" | "forcedFirstToken" | "forcedLastToken">;
}

/** A model that writes texts as functions of its parameters: a causal one, or an encoder with a decoder. */
export type TextWriter =
  & WriterSettings
  & (
    | { readonly kind: "language-modelling"; readonly model: models.PretrainedDecoder }
    | { readonly kind: "sequence-to-sequence"; readonly model: models.PretrainedSeq2Seq }
  );

/** A run's model that writes texts, with its parameters, which all runs share. */
export type RunWriter = TextWriter & { readonly params: () => Readonly<Record<string, Tensor>> };

/** The files of a model that say how it writes texts. */
export type GenerationFiles = Pick<hub.PretrainedFiles, "config" | "generationConfig">;

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
  { config, generationConfig }: GenerationFiles,
  model: models.PretrainedSeq2Seq | models.PretrainedDecoder,
): WriterSettings {
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

/**
 * The model that files describe.
 *
 * Throws a RangeError where it is a model of another kind.
 */
export function textWriter(files: GenerationFiles, { dropout }: { readonly dropout?: number } = {}): TextWriter {
  const { config } = files;
  // What a BART's config.json leaves out is true of it.
  if (config.is_encoder_decoder === true || config.model_type === "bart") {
    const model = models.fromConfig(config, { head: "seq2seq-lm", dropout });
    return { kind: "sequence-to-sequence", model, ...tokensOf(files, model) };
  }
  const model = models.fromConfig(config, { head: "causal-lm", dropout });
  return { kind: "language-modelling", model, ...tokensOf(files, model) };
}
