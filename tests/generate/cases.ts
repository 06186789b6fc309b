// What transformers generated (tests/fixtures/generate.py), and its settings as options.
import type { GenerateOptions } from "../../lib/generate/mod.ts";

/** Settings of `generate` of transformers, as the fixtures have them. */
export interface PythonSettings {
  readonly eos_token_id: readonly number[] | null;
  readonly max_new_tokens: number | null;
  readonly do_sample?: boolean;
  readonly min_new_tokens?: number;
  readonly max_length?: number;
  readonly min_length?: number;
  readonly no_repeat_ngram_size?: number;
  readonly repetition_penalty?: number;
  readonly forced_bos_token_id?: number;
  readonly forced_eos_token_id?: number;
  readonly num_beams?: number;
  readonly length_penalty?: number;
  readonly early_stopping?: string | boolean;
}

/** Prompts, settings and the texts that transformers generated. */
export interface PythonCase {
  readonly name: string;
  readonly settings: PythonSettings;
  readonly best: number;
  readonly whole: boolean;
  readonly prompts: readonly (readonly number[])[];
  readonly texts: readonly (readonly { readonly tokens: readonly number[]; readonly score?: number }[])[];
}

/** Whether beams stop early, as the fixtures have it. */
function earlyStopping(value: string | boolean | undefined): boolean | "never" {
  return value === "never" ? "never" : value === true;
}

/** The options that say the same as a case's settings. */
export function optionsOf({ settings, best, whole }: PythonCase): GenerateOptions {
  return {
    endTokens: settings.eos_token_id ?? [],
    maxNewTokens: settings.max_new_tokens ?? undefined,
    minNewTokens: settings.min_new_tokens,
    maxLength: settings.max_length,
    minLength: settings.min_length,
    noRepeatNGrams: settings.no_repeat_ngram_size,
    repetitionPenalty: settings.repetition_penalty,
    forcedFirstToken: settings.forced_bos_token_id,
    forcedLastToken: settings.forced_eos_token_id,
    beamSearch: settings.num_beams === undefined ? undefined : {
      beams: settings.num_beams,
      lengthPenalty: settings.length_penalty,
      penaltyOver: whole ? "sequence" : "generated",
      earlyStopping: earlyStopping(settings.early_stopping),
      best,
    },
  };
}
