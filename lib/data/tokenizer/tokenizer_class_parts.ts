import type { Part } from "./part.ts";
import { quoted } from "../../text/quoted.ts";

/** The vocabulary of a folder's files: the `model` of a `tokenizer.json`, or what older files have of it. */
export interface Vocabulary {
  /** Pieces with their ids, or for unigram a list of pieces with their scores. */
  readonly vocab: unknown;
  readonly merges?: unknown;
  /** The table of SentencePiece's normalisation, in base 64. */
  readonly charsmap?: string;
  readonly unknownId?: number;
}

/** What a class of transformers' tokenizers takes from a folder. */
export interface ClassInput {
  readonly vocabulary: Vocabulary;
  /** `tokenizer_config.json`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Special tokens by their names. */
  readonly names: ReadonlyMap<string, string>;
  /** The post-processor of `tokenizer.json`, where there is one. */
  readonly postProcessor: Part | null;
}

/** The parts that a class makes anew, whatever those of `tokenizer.json` are. */
export interface ClassParts {
  readonly model: Part;
  readonly normalizer: Part | null;
  readonly pre_tokenizer: Part | null;
  readonly decoder: Part;
  /** Given where each token's id is. */
  readonly postProcessor: (idOf: (content: string) => number | undefined) => Part | null;
}

/** A setting of the configuration, or what the class takes without it: null is a setting, too. */
const setting = (config: Readonly<Record<string, unknown>>, name: string, usual: unknown): unknown =>
  name in config ? config[name] : usual;

/** `BertTokenizer.__init__`: of `tokenizer.json`, only the vocabulary counts. */
export function bertParts({ vocabulary, config, names }: ClassInput): ClassParts {
  return {
    model: { type: "WordPiece", vocab: idsOf(vocabulary), unk_token: names.get("unk_token") },
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: setting(config, "tokenize_chinese_chars", true),
      strip_accents: setting(config, "strip_accents", null),
      lowercase: setting(config, "do_lower_case", true),
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    // Where there is no such token, the class takes these ids.
    postProcessor: (idOf) => bertTemplate(names.get("cls_token"), names.get("sep_token"), idOf, { cls: 2, sep: 3 }),
  };
}

/** Byte-level BPE without an unknown piece, of which only vocabulary and merges come from `tokenizer.json`. */
function byteLevelParts(
  { vocabulary, config }: ClassInput,
): Pick<ClassParts, "model" | "normalizer" | "pre_tokenizer" | "decoder"> {
  return {
    model: { type: "BPE", vocab: idsOf(vocabulary), merges: vocabulary.merges ?? [] },
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: setting(config, "add_prefix_space", false), use_regex: true },
    decoder: { type: "ByteLevel" },
  };
}

/** `RobertaTokenizer.__init__`. */
export function robertaParts(input: ClassInput): ClassParts {
  const end = (name: string, idOf: (content: string) => number | undefined) => {
    const content = input.names.get(name);
    return [content, content === undefined ? undefined : idOf(content)];
  };
  return {
    ...byteLevelParts(input),
    postProcessor: (idOf) => ({ type: "RobertaProcessing", sep: end("sep_token", idOf), cls: end("cls_token", idOf) }),
  };
}

/** `GPT2Tokenizer.__init__`, and `update_post_processor` where no `tokenizer.json` has a post-processor. */
export function gpt2Parts(input: ClassInput): ClassParts {
  const { config, names, postProcessor } = input;
  const [bos, eos] = ["bos", "eos"].map((name) =>
    config[`add_${name}_token`] === true ? names.get(`${name}_token`) : undefined
  );
  return {
    ...byteLevelParts(input),
    postProcessor: (idOf) => {
      if (postProcessor !== null || bos === undefined && eos === undefined) return postProcessor;
      const around = (id: string, type: number) => [
        ...bos === undefined ? [] : [special(bos, type)],
        sequence(id, type),
        ...eos === undefined ? [] : [special(eos, type)],
      ];
      return template(around("A", 0), [...around("A", 0), ...around("B", 1)], [bos, eos], idOf);
    },
  };
}

/** What `Qwen2Tokenizer` takes for words. */
const QWEN_WORDS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" +
  "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** `Qwen2Tokenizer.__init__`: digits one by one, and nothing around texts unless `tokenizer.json` says so. */
export function qwen2Parts(input: ClassInput): ClassParts {
  const { config, postProcessor } = input;
  return {
    ...byteLevelParts(input),
    normalizer: { type: "NFC" },
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex: QWEN_WORDS }, behavior: "Isolated", invert: false },
        { type: "ByteLevel", add_prefix_space: setting(config, "add_prefix_space", false) ?? false, use_regex: false },
      ],
    },
    postProcessor: () => postProcessor,
  };
}

/** `LlamaTokenizer.__init__`: SentencePiece's spaces, and bytes for what the vocabulary lacks. */
export function llamaParts({ vocabulary, config, postProcessor }: ClassInput): ClassParts {
  const isSpaced = (setting(config, "add_prefix_space", true) ?? true) === true;
  const scheme = setting(config, "legacy", false) === true ? "always" : "first";
  const merges = vocabulary.merges ?? [];
  return {
    model: { type: "BPE", vocab: idsOf(vocabulary), merges, fuse_unk: true, byte_fallback: true },
    normalizer: null,
    pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: isSpaced ? scheme : "never", split: false },
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        ...isSpaced ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : [],
      ],
    },
    postProcessor: () => postProcessor,
  };
}

/** `DebertaTokenizer.__init__`: both texts are of type 0. */
export function debertaParts(input: ClassInput): ClassParts {
  return { ...byteLevelParts(input), postProcessor: (idOf) => doubledTemplate(input, "cls_token", "sep_token", idOf) };
}

/** `DebertaV2Tokenizer.__init__`: SentencePiece's own normalisation is not taken. */
export function debertaV2Parts({ vocabulary, config, names }: ClassInput): ClassParts {
  const { vocab } = vocabulary;
  const pieces = piecesOf(vocab);
  const unknown = pieces.findIndex(([piece, score]) => piece === names.get("unk_token") && score === 0);
  const lowers = setting(config, "do_lower_case", false) === true;
  const cutsPunctuation = setting(config, "split_by_punct", false) === true;
  const scheme = setting(config, "add_prefix_space", true) === true ? "always" : "first";
  return {
    model: {
      type: "Unigram",
      vocab,
      unk_id: unknown >= 0 ? unknown : vocabulary.unknownId ?? setting(config, "unk_id", 1),
    },
    normalizer: {
      type: "Sequence",
      normalizers: [
        ...lowers ? [{ type: "Lowercase" }] : [],
        { type: "Replace", pattern: { Regex: "\\s{2,}|[\\n\\r\\t]" }, content: " " },
        { type: "NFC" },
        { type: "Strip", strip_left: false, strip_right: true },
      ],
    },
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        ...cutsPunctuation ? [{ type: "Punctuation", behavior: "Isolated" }] : [],
        { type: "Metaspace", replacement: "▁", prepend_scheme: scheme },
      ],
    },
    decoder: { type: "Metaspace", replacement: "▁", prepend_scheme: scheme },
    postProcessor: (idOf) => bertTemplate(names.get("cls_token"), names.get("sep_token"), idOf, { cls: 0, sep: 0 }),
  };
}

/** `XLMRobertaTokenizer.__init__` and `CamembertTokenizer.__init__`: of the normalizer, only a compiled table counts. */
export function spacedUnigramParts(
  input: ClassInput,
  unknownId: (pieces: readonly [string, number][]) => number,
): ClassParts {
  const { vocabulary, config } = input;
  const { vocab, charsmap } = vocabulary;
  const scheme = setting(config, "add_prefix_space", true) === true ? "always" : "never";
  return {
    model: { type: "Unigram", vocab, unk_id: unknownId(piecesOf(vocab)) },
    normalizer: charsmap === undefined ? null : { type: "Precompiled", precompiled_charsmap: charsmap },
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [{ type: "WhitespaceSplit" }, { type: "Metaspace", replacement: "▁", prepend_scheme: scheme }],
    },
    decoder: { type: "Metaspace", replacement: "▁", prepend_scheme: scheme },
    postProcessor: (idOf) => doubledTemplate(input, "bos_token", "eos_token", idOf),
  };
}

const special = (id: string, type_id = 0) => ({ SpecialToken: { id, type_id } });
const sequence = (id: string, type_id = 0) => ({ Sequence: { id, type_id } });

function template(
  single: readonly unknown[],
  pair: readonly unknown[],
  tokens: readonly (string | undefined)[],
  idOf: (content: string) => number | undefined,
): Part {
  const ids = tokens.flatMap((id) => id === undefined ? [] : [[id, { id, ids: [idOf(id)] }] as const]);
  return { type: "TemplateProcessing", single, pair, special_tokens: Object.fromEntries(ids) };
}

/** `[CLS] A [SEP] B [SEP]`, B's of type 1. */
function bertTemplate(
  cls: string | undefined,
  sep: string | undefined,
  idOf: (content: string) => number | undefined,
  without: { readonly cls: number; readonly sep: number },
): Part {
  const known = new Map<string, number | undefined>();
  // A token that is null has the name that Python gives it.
  const begin = cls ?? "None";
  const end = sep ?? "None";
  known.set(begin, cls === undefined ? without.cls : idOf(cls));
  known.set(end, sep === undefined ? without.sep : idOf(sep));
  const single = [special(begin), sequence("A"), special(end)];
  return template(single, [...single, sequence("B", 1), special(end, 1)], [begin, end], (id) => known.get(id));
}

/** `<s> A </s></s> B </s>`, all of type 0. */
function doubledTemplate(
  { names }: ClassInput,
  begin: string,
  end: string,
  idOf: (content: string) => number | undefined,
): Part {
  const [first, last] = [begin, end].map((name) => {
    const content = names.get(name);
    if (content === undefined) throw new TypeError(`tokenizer_config.json: ${name} is null`);
    return content;
  });
  const single = [special(first), sequence("A"), special(last)];
  return template(single, [...single, special(last), sequence("B"), special(last)], [first, last], idOf);
}

/** Pieces with ids: of a list, their places. */
function idsOf({ vocab }: Vocabulary): unknown {
  if (!Array.isArray(vocab)) return vocab;
  return Object.fromEntries(vocab.map((entry, id) => [String(Array.isArray(entry) ? entry[0] : entry), id]));
}

function piecesOf(vocab: unknown): readonly [string, number][] {
  if (!Array.isArray(vocab)) throw new TypeError(`there is no list of pieces at model.vocab: ${quoted(vocab)}`);
  return vocab.filter((entry): entry is [string, number] => Array.isArray(entry));
}
