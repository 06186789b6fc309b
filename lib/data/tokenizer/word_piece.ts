import { type Tokenizer, tokenizerFromJson, type TokenizerJson } from "./tokenizer.ts";

/** Options of {@linkcode wordPiece}. */
export interface WordPieceOptions {
  /** Whether text is put in lower case, as for "uncased" vocabularies; true by default. */
  readonly lowercase?: boolean;
  /** Whether text loses its accents; by default where it is put in lower case. */
  readonly stripAccents?: boolean;
  /** Whether each ideograph is a word; true by default. */
  readonly setIdeographsApart?: boolean;
}

/** A tokenizer that has all of BERT's special tokens. */
export type WordPieceTokenizer = Tokenizer & Required<Pick<Tokenizer, "unknownId" | "clsId" | "sepId" | "maskId">>;

const specialTokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] as const;

/**
 * BERT's WordPiece tokenizer of a vocabulary, whose index is the id: the lines of a `vocab.txt`. It gives the ids of
 * Hugging Face's `BertTokenizerFast`.
 *
 * Throws a RangeError where the vocabulary lacks one of [PAD], [UNK], [CLS], [SEP] and [MASK], or holds a piece twice.
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * const tokenizer = data.wordPiece(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "cat", "##s"]);
 * console.log(tokenizer.encode("A cats").ids); // [2, 5, 6, 7, 3]
 * ```
 */
export function wordPiece(vocabulary: readonly string[], options: WordPieceOptions = {}): WordPieceTokenizer {
  // wordPieceJson() refuses a vocabulary without one of the special tokens.
  return tokenizerFromJson(wordPieceJson(vocabulary, options)) as WordPieceTokenizer;
}

/**
 * The `tokenizer.json` of BERT's WordPiece tokenizer with a vocabulary, the way Hugging Face's libraries read it.
 *
 * Throws a RangeError where {@linkcode wordPiece} does.
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * const { model } = data.wordPieceJson(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "cat"]);
 * console.log(model.type, model.max_input_chars_per_word); // WordPiece 100
 * ```
 */
export function wordPieceJson(vocabulary: readonly string[], options: WordPieceOptions = {}): TokenizerJson {
  const { lowercase = true, stripAccents = null, setIdeographsApart = true } = options;
  const vocab: Record<string, number> = Object.create(null);
  for (const [id, piece] of vocabulary.entries()) {
    if (piece in vocab) {
      throw new RangeError(`Cannot make a vocabulary as "${piece}" stands at both ${vocab[piece]} and ${id}`);
    }
    vocab[piece] = id;
  }
  checkSpecialTokens(vocab);
  const special = (id: string) => ({ SpecialToken: { id, type_id: 0 } });
  const sequence = (id: string, type_id: number) => ({ Sequence: { id, type_id } });
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content) => ({
      id: vocab[content],
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: setIdeographsApart,
      strip_accents: stripAccents,
      lowercase,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: [special("[CLS]"), sequence("A", 0), special("[SEP]")],
      pair: [
        special("[CLS]"),
        sequence("A", 0),
        special("[SEP]"),
        sequence("B", 1),
        { SpecialToken: { id: "[SEP]", type_id: 1 } },
      ],
      special_tokens: Object.fromEntries(
        ["[CLS]", "[SEP]"].map((token) => [token, { id: token, ids: [vocab[token]], tokens: [token] }]),
      ),
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab,
    },
  };
}

function checkSpecialTokens(vocab: Readonly<Record<string, number>>): void {
  const missing = specialTokens.filter((token) => !Object.hasOwn(vocab, token));
  if (missing.length > 0) throw new RangeError(`Cannot make a tokenizer as the vocabulary lacks ${missing.join(", ")}`);
}
