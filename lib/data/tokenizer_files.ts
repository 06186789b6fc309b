import { parseSentencePiece } from "./sentence_piece.ts";
import { type Tokenizer, type TokenizerConfig, tokenizerFromJson, type TokenizerJson } from "./tokenizer.ts";
import { wordPieceJson } from "./word_piece.ts";

/** Files of a model's folder that say how its text becomes tokens; the first that is there is taken, with the others it needs. */
export const TOKENIZER_FILES = [
  "tokenizer.json",
  "tokenizer_config.json",
  "vocab.txt",
  "vocab.json",
  "merges.txt",
  "spm.model",
] as const;

/** Contents of {@linkcode TOKENIZER_FILES} by name, those that are there. */
export type TokenizerFiles = Readonly<Partial<Record<typeof TOKENIZER_FILES[number], Uint8Array>>>;

/**
 * The tokenizer of a model's files: of `tokenizer.json`, or of the older files, which are `vocab.txt` (WordPiece),
 * `vocab.json` with `merges.txt` (byte-level BPE) and `spm.model` (DeBERTa's unigram). `where` goes before the files'
 * names in messages.
 *
 * Throws an Error that names the file and its fault, and a NotFound where no file has a vocabulary.
 */
export function tokenizerFromFiles(files: TokenizerFiles, where = ""): Tokenizer {
  const config = files["tokenizer_config.json"] === undefined
    ? {}
    : reading("tokenizer_config.json", where, () => parseObject(files["tokenizer_config.json"]!));
  const [name, make] = sourceOf(files, config);
  return reading(name, where, make);
}

function sourceOf(files: TokenizerFiles, config: TokenizerConfig): [name: string, make: () => Tokenizer] {
  const { "tokenizer.json": json, "vocab.txt": lines, "vocab.json": vocab, "merges.txt": merges, "spm.model": spm } =
    files;
  if (json) return ["tokenizer.json", () => tokenizerFromJson(parseObject(json) as TokenizerJson, config)];
  if (lines) return ["vocab.txt", () => tokenizerFromJson(wordPieceOf(textOf(lines), config), config)];
  if (vocab && merges) {
    return ["merges.txt", () => tokenizerFromJson(bytePairJson(parseObject(vocab), textOf(merges), config), config)];
  }
  if (spm) return ["spm.model", () => tokenizerFromJson(debertaJson(spm, config), config)];
  throw new Deno.errors.NotFound(
    "Cannot make a tokenizer as there is no tokenizer.json, vocab.txt, vocab.json with merges.txt, or spm.model",
  );
}

function reading<T>(name: string, where: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const { message } = error as Error;
    const fault = /call stack/.test(message) ? "it is nested too deep" : message;
    throw new SyntaxError(`cannot read ${where}${name}: ${fault}`, { cause: error });
  }
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}

function parseObject(bytes: Uint8Array): Record<string, unknown> {
  const value: unknown = JSON.parse(textOf(bytes));
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new SyntaxError("it is no JSON object");
  }
  return value as Record<string, unknown>;
}

function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

function wordPieceOf(text: string, config: TokenizerConfig): TokenizerJson {
  return wordPieceJson(linesOf(text), {
    lowercase: config.do_lower_case !== false,
    setIdeographsApart: config.tokenize_chinese_chars !== false,
    ...typeof config.strip_accents === "boolean" && { stripAccents: config.strip_accents },
  });
}

/** RoBERTa's or GPT-2's `tokenizer.json`: the one where the vocabulary has `<s>` and `</s>`. */
function bytePairJson(vocab: Record<string, unknown>, text: string, config: TokenizerConfig): TokenizerJson {
  const lines = linesOf(text).filter((line, i) => line !== "" && !(i === 0 && line.startsWith("#version")));
  const prefix = config.add_prefix_space === true;
  const roberta = Object.hasOwn(vocab, "<s>") && Object.hasOwn(vocab, "</s>");
  const names = (roberta ? ["<s>", "<pad>", "</s>", "<unk>", "<mask>"] : ["<|endoftext|>"])
    .filter((name) => Object.hasOwn(vocab, name));
  return {
    added_tokens: names.map((content) => ({
      id: vocab[content],
      content,
      special: true,
      lstrip: content === "<mask>",
      normalized: false,
    })),
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: prefix },
    post_processor: roberta
      ? { type: "RobertaProcessing", sep: ["</s>", vocab["</s>"]], cls: ["<s>", vocab["<s>"]] }
      : null,
    model: { type: "BPE", vocab, merges: lines },
  };
}

/** DeBERTa-v2's and v3's `tokenizer.json`, as transformers converts their SentencePiece models. */
function debertaJson(bytes: Uint8Array, config: TokenizerConfig): TokenizerJson {
  const { kind, pieces, unknownId, charsmap } = parseSentencePiece(bytes);
  const given = config.tokenizer_class ?? "DebertaV2Tokenizer";
  if (!/^DebertaV2Tokenizer(Fast)?$/.test(String(given))) {
    throw new TypeError(`a SentencePiece model of ${given} is not supported, only DeBERTa's: write its tokenizer.json`);
  }
  if (kind !== "unigram") {
    throw new TypeError(`a SentencePiece model of the kind ${kind} is not supported, only unigram`);
  }
  const ids = new Map(pieces.map(([piece], id) => [piece, id]));
  const vocab = ids.has("[MASK]") ? pieces : [...pieces, ["[MASK]", 0] as const];
  const mask = ids.get("[MASK]") ?? pieces.length;
  const added = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"].filter((content) => ids.has(content));
  const idOf = (content: string): number => {
    const id = ids.get(content);
    if (id === undefined) throw new RangeError(`its pieces lack ${content}`);
    return id;
  };
  const special = (id: string, type_id: number) => ({ SpecialToken: { id, type_id } });
  const sequence = (id: string, type_id: number) => ({ Sequence: { id, type_id } });
  return {
    added_tokens: [
      ...added.map((content) => ({ id: idOf(content), content, special: true, normalized: false })),
      { id: mask, content: "[MASK]", special: true, normalized: true },
    ],
    normalizer: {
      type: "Sequence",
      normalizers: [
        ...config.do_lower_case === true ? [{ type: "Lowercase" }] : [],
        { type: "Strip", strip_left: true, strip_right: true },
        { type: "Precompiled", precompiled_charsmap: charsmap.toBase64() },
        { type: "Replace", pattern: { Regex: " {2,}" }, content: " " },
      ],
    },
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        ...config.split_by_punct === true ? [{ type: "Punctuation", behavior: "Isolated" }] : [],
        { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
      ],
    },
    post_processor: {
      type: "TemplateProcessing",
      single: [special("[CLS]", 0), sequence("A", 0), special("[SEP]", 0)],
      pair: [special("[CLS]", 0), sequence("A", 0), special("[SEP]", 0), sequence("B", 1), special("[SEP]", 1)],
      special_tokens: Object.fromEntries(["[CLS]", "[SEP]"].map((id) => [id, { id, ids: [idOf(id)] }])),
    },
    model: { type: "Unigram", vocab, unk_id: unknownId },
  };
}
