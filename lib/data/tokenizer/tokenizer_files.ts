import { CHAT_TEMPLATE_FILE, chatTemplateOf } from "./chat_template_of.ts";
import { parseSentencePiece } from "./sentence_piece.ts";
import { specialTokensOf, type TokenFiles } from "./special_tokens.ts";
import { assembleTokenizer, type RawTokenizerJson, sidesOf, type Tokenizer } from "./tokenizer.ts";
import { AS_IT_STANDS, classOfFiles, type TokenizerClass, tokenizerClassOf } from "./tokenizer_class.ts";
import type { Vocabulary } from "./tokenizer_class_parts.ts";
import { quoted } from "../../text/quoted.ts";
import { messageOf } from "../../text/message_of.ts";
import { isObject } from "../../text/is_object.ts";

/** Names of the files in a model's folder that say how its text becomes tokens. */
export const TOKENIZER_FILES = [
  "tokenizer.json",
  "tokenizer_config.json",
  "vocab.txt",
  "vocab.json",
  "merges.txt",
  "spm.model",
  "special_tokens_map.json",
  "added_tokens.json",
] as const;

/**
 * Bytes of {@linkcode TOKENIZER_FILES} by name, those that are there, of the model's `config.json`, which names its kind,
 * and of `chat_template.jinja`, which takes the place of the template in `tokenizer_config.json`.
 */
export type TokenizerFiles = Readonly<
  Partial<Record<typeof TOKENIZER_FILES[number] | "config.json" | typeof CHAT_TEMPLATE_FILE, Uint8Array>>
>;

type FileName = keyof TokenizerFiles;

/**
 * The tokenizer of a model's folder, with the ids and types of `AutoTokenizer` of transformers 5.
 *
 * The class that `tokenizer_config.json` or `config.json` names decides (`tokenizer_class`, `model_type`): BERT's,
 * RoBERTa's, GPT-2's, DeBERTa's, XLM-RoBERTa's and CamemBERT's make their parts anew of the configuration, and take
 * only the vocabulary of `tokenizer.json`, or of the older files: `vocab.txt` (WordPiece), `vocab.json` with
 * `merges.txt` (byte-level BPE), `spm.model` (DeBERTa's unigram). `PreTrainedTokenizerFast` takes `tokenizer.json` as
 * it stands, as is done where nothing names a class; older files alone are then read as of their own class. Tokens of
 * `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json` are added. `where` goes before the files'
 * names in messages.
 *
 * Throws a SyntaxError that names the file and its fault, and a NotFound where no file has a vocabulary.
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * const vocabulary = new TextEncoder().encode("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ncat\n##s\n");
 * const tokenizer = data.tokenizerFromFiles({ "vocab.txt": vocabulary });
 * console.log(tokenizer.encode("cats", "cat")); // { ids: [2, 5, 6, 3, 5, 3], typeIds: [0, 0, 0, 0, 1, 1] }
 * ```
 */
export function tokenizerFromFiles(files: TokenizerFiles, where = ""): Tokenizer {
  const object = (name: FileName) => {
    const bytes = files[name];
    return bytes && reading(name, where, () => parseObject(bytes));
  };
  const ownTemplate = files[CHAT_TEMPLATE_FILE];
  const config: Record<string, unknown> = {
    ...object("tokenizer_config.json"),
    ...ownTemplate && { chat_template: reading(CHAT_TEMPLATE_FILE, where, () => textOf(ownTemplate)) },
  };
  const modelConfig = object("config.json");
  const [specialTokensMap, addedTokens] = [object("special_tokens_map.json"), object("added_tokens.json")];
  const tokenFiles: TokenFiles = {
    config,
    ...specialTokensMap && { specialTokensMap },
    ...addedTokens && { addedTokens },
  };
  const named = reading(modelConfig && !config.tokenizer_class ? "config.json" : "tokenizer_config.json", where, () => {
    for (const key of ["fast_tokenizer_files", "init_inputs"]) {
      if (Array.isArray(config[key]) && config[key].length > 0) throw new TypeError(`${key} is not supported`);
    }
    return tokenizerClassOf(config, modelConfig);
  });
  const json = object("tokenizer.json");
  if (json) return reading("tokenizer.json", where, () => fromJson(json, named ?? AS_IT_STANDS, tokenFiles));
  const file = (["vocab.txt", "vocab.json", "spm.model"] as const).find((name) =>
    named ? named.files.includes(name) : files[name] && (name !== "vocab.json" || files["merges.txt"])
  );
  const missing = named?.files.find((name) => !files[name]);
  if (file === undefined || missing !== undefined) {
    const wanted = named
      ? `for its class ${named.name} there is no ${["tokenizer.json", ...missing ? [missing] : []].join(", nor ")}`
      : "there is no tokenizer.json, vocab.txt, vocab.json with merges.txt, or spm.model";
    throw new Deno.errors.NotFound(`Cannot make a tokenizer as ${wanted}`);
  }
  return reading(file === "vocab.json" ? "merges.txt" : file, where, () => {
    const { added, ...vocabulary } = olderVocabulary(file, files);
    const kind = named ?? classOfFiles(file, vocabulary.vocab);
    // What a SentencePiece model adds takes the place of what the configuration has under this name.
    const withAdded = added ? { ...config, additional_special_tokens: added } : config;
    return fromVocabulary(kind, vocabulary, { ...tokenFiles, config: withAdded });
  });
}

/** Whether a `tokenizer.json` works on bytes in GPT-2's characters. */
function isByteLevel({ pre_tokenizer, decoder }: RawTokenizerJson): boolean {
  return JSON.stringify([pre_tokenizer, decoder]).includes('"ByteLevel"');
}

function fromJson(json: RawTokenizerJson, named: TokenizerClass, files: TokenFiles): Tokenizer {
  // Folders of Llama 3's kind name the class of Llama 2, whose spaces are others.
  const kind = named.name === "LlamaTokenizer" && isByteLevel(json) ? AS_IT_STANDS : named;
  const jsonTokens = Array.isArray(json.added_tokens) ? json.added_tokens : [];
  if (kind.parts) {
    const { vocab, merges } = isObject(json.model) ? json.model : {};
    const charsmap = charsmapOf(json.normalizer);
    // With tokenizer.json, what is around texts is its post-processor's.
    const { add_bos_token: _bos, add_eos_token: _eos, ...config } = files.config;
    const vocabulary = { vocab, merges, ...charsmap !== undefined && { charsmap } };
    return fromVocabulary(kind, vocabulary, { ...files, config, jsonTokens }, json);
  }
  // The token of tokenizer.json's padding counts where the configuration has none.
  const pad = isObject(json.padding) ? json.padding.pad_token : undefined;
  const names: Record<string, string> = typeof pad === "string" ? { pad_token: pad } : {};
  const special = specialTokensOf({ ...files, jsonTokens }, { ...kind, names, keepsJson: true });
  const chatTemplate = chatTemplateOf(files.config);
  return assembleTokenizer(json, { ...special, ...chatTemplate, ...sidesOf(files.config, json, kind.hasTypes) });
}

function fromVocabulary(
  kind: TokenizerClass,
  vocabulary: Vocabulary,
  files: TokenFiles,
  json?: RawTokenizerJson,
): Tokenizer {
  const { config } = files;
  const special = specialTokensOf(files, { ...kind, keepsJson: false });
  const given = isObject(json?.post_processor) ? json.post_processor : null;
  const { model, normalizer, pre_tokenizer, decoder, postProcessor } = kind.parts!({
    vocabulary,
    config,
    names: special.names,
    postProcessor: given,
  });
  const parts: RawTokenizerJson = { model, normalizer, pre_tokenizer, decoder, truncation: json?.truncation };
  const settings = { ...special, ...chatTemplateOf(config), ...sidesOf(config, parts, kind.hasTypes) };
  return assembleTokenizer(parts, { ...settings, postProcessor });
}

/** The first compiled table of a normalizer, itself or in its sequence. */
function charsmapOf(normalizer: unknown): string | undefined {
  const isSequence = isObject(normalizer) && normalizer.type === "Sequence";
  const parts: unknown[] = isSequence && Array.isArray(normalizer.normalizers) ? normalizer.normalizers : [normalizer];
  const found = parts.filter(isObject).find((one) => one.type === "Precompiled" && "precompiled_charsmap" in one);
  if (found === undefined) return undefined;
  const table = found.precompiled_charsmap;
  if (typeof table !== "string") {
    throw new TypeError(`Precompiled has no text at precompiled_charsmap: ${quoted(table)}`);
  }
  return table;
}

type AddedPieces = readonly { readonly __type: "AddedToken"; readonly content: string }[];

function olderVocabulary(
  file: "vocab.txt" | "vocab.json" | "spm.model",
  files: TokenizerFiles,
): Vocabulary & { readonly added?: AddedPieces } {
  if (file === "vocab.txt") {
    // Of equal lines the last counts; white space at their ends does not.
    const lines = linesOf(textOf(files["vocab.txt"]!)).map((line) => line.replace(/\p{White_Space}+$/u, ""));
    return { vocab: Object.fromEntries(lines.map((line, id) => [line, id])) };
  }
  if (file === "vocab.json") {
    const lines = linesOf(textOf(files["merges.txt"]!)).filter((line) => line !== "" && !line.startsWith("#version"));
    return { vocab: parseObject(files["vocab.json"]!), merges: lines };
  }
  const { kind, pieces, added, unknownId } = parseSentencePiece(files["spm.model"]!);
  if (kind !== "unigram") {
    throw new TypeError(`a SentencePiece model of the kind ${kind} is not supported, only unigram`);
  }
  return {
    vocab: pieces,
    unknownId,
    added: added.map((token) => ({ __type: "AddedToken", ...token, normalized: false })),
  };
}

/** Reads; a fault is the named file's, unless its message begins with another one's name. */
function reading<T>(name: FileName, where: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const message = messageOf(error);
    const fault = /call stack/.test(message) ? "it is nested too deep" : message;
    const isOthers = TOKENIZER_FILES.some((other) => fault.startsWith(`${other}: `));
    throw new SyntaxError(`cannot read ${where}${isOthers ? fault : `${name}: ${fault}`}`, { cause: error });
  }
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

function parseObject(bytes: Uint8Array): Record<string, unknown> {
  const value: unknown = JSON.parse(textOf(bytes).replace(/^\ufeff/, ""));
  if (!isObject(value)) throw new SyntaxError("it is no JSON object");
  return value;
}

function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  return lines;
}
