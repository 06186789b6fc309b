import { fileURLToPath } from "node:url";
import * as v from "valibot";
import { io, type Tensor } from "../../mod.ts";
import { isFile } from "../../lib/io/is_file.ts";
import { type EncoderSize, pretrainCommand, SUITE_ENCODERS } from "./encoders.ts";
import { checkedHash } from "./recorded_hash.ts";
import { suiteVocabulary } from "./vocabulary.ts";

const count = v.pipe(v.number(), v.integer(), v.minValue(1));
const ConfigSchema = v.object({
  vocabSize: count,
  hiddenSize: count,
  layers: count,
  heads: count,
  maxLength: count,
});

/** The encoder from which all methods start. */
export interface Encoder {
  /** Its weights without a head, on the host. */
  readonly weights: Readonly<Record<string, Tensor>>;
  /** The head that filled masked tokens in pre-training, but for the table of words; absent in files without one. */
  readonly head?: Readonly<Record<string, Tensor>>;
  readonly config: v.InferOutput<typeof ConfigSchema>;
  /** Hex sha-256 of its file. */
  readonly hash: string;
}

/** An encoder's `config.json` in Hugging Face's layout. */
export function encoderJson({ vocabSize, hiddenSize, layers, heads, maxLength }: Encoder["config"]) {
  return {
    model_type: "bert",
    vocab_size: vocabSize,
    hidden_size: hiddenSize,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    intermediate_size: 4 * hiddenSize,
    max_position_embeddings: maxLength,
  };
}

/** Where the small encoder lies that ships with the suite. */
export const SUITE_ENCODER: URL = SUITE_ENCODERS.small.url;

/** Tensors whose names begin so. */
function startingWith(prefix: string, tensors: Encoder["weights"]): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(tensors).filter(([name]) => name.startsWith(prefix)));
}

/**
 * Reads weights that `deno task pretrain` wrote.
 *
 * Throws an Error where the file is missing, corrupt, not the one that the `.json` beside it was written with, or made
 * for another vocabulary.
 */
export async function loadEncoder(url: URL, vocabSize: number): Promise<Encoder> {
  const { tensors, metadata } = await io.loadSafetensors(url);
  const fail = (reason: string): never => {
    throw new Error(`cannot use ${url}: ${reason}; ${pretrainCommand(url, { overwrite: true })} makes it anew`);
  };
  const hash = await checkedHash(url, fail);
  let config: unknown;
  try {
    config = JSON.parse(metadata.config ?? "");
  } catch {
    fail("its header names no configuration of a model");
  }
  const checked = v.safeParse(ConfigSchema, config);
  if (!checked.success) {
    const [issue] = checked.issues;
    return fail(`its configuration is wrong at ${v.getDotPath(issue) ?? "its root"}: ${issue.message}`);
  }
  if (checked.output.vocabSize !== vocabSize) {
    fail(`it knows ${checked.output.vocabSize} tokens, and the vocabulary has ${vocabSize}`);
  }
  const head = startingWith("cls.", tensors);
  const hasHead = Object.keys(head).length > 0;
  return { weights: startingWith("bert.", tensors), ...hasHead && { head }, config: checked.output, hash };
}

/** Reads an encoder of the suite. Throws as {@linkcode loadEncoder}, and says how it is made where it is missing. */
export async function loadSuiteEncoder(size: EncoderSize): Promise<Encoder> {
  const { url } = SUITE_ENCODERS[size];
  if (!await isFile(fileURLToPath(url))) {
    throw new Error(`cannot read ${url}: No such file; ${pretrainCommand(url)} makes it`);
  }
  return await loadEncoder(url, suiteVocabulary().length);
}
