import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";

/** Token ids of a text or a pair, special tokens included. */
export interface TokenIds {
  /** Token ids, `[CLS]` first. */
  readonly ids: number[];
  /** 0 for `[CLS] text [SEP]`, 1 for `text2 [SEP]`; as long as `ids`. */
  readonly typeIds: number[];
}

/** Options of {@linkcode Tokenizer.encode}. */
export interface EncodeOptions {
  /** Most tokens of the result, special tokens included; no bound by default. */
  readonly maxLength?: number;
}

/** Turns text into the ids of a vocabulary, laid out as BERT wants them. */
export interface Tokenizer {
  /** One more than the greatest id. */
  readonly vocabSize: number;
  /** Id of [PAD]. */
  readonly padId: number;
  /** Id of [UNK]. */
  readonly unknownId: number;
  /** Id of [CLS]. */
  readonly clsId: number;
  /** Id of [SEP]. */
  readonly sepId: number;
  /** Id of [MASK]. */
  readonly maskId: number;
  /**
   * Ids of `[CLS] text [SEP]` or `[CLS] text [SEP] text2 [SEP]`. What is longer than `maxLength` loses tokens at the end
   * of its longer text first, as Hugging Face's `longest_first`.
   *
   * Throws a RangeError when `maxLength` leaves no room for the special tokens.
   */
  encode(text: string, text2?: string, options?: EncodeOptions): TokenIds;
}

/** Options of {@linkcode wordPiece}. */
export interface WordPieceOptions {
  /** Whether text is put in lower case and loses its accents, as for "uncased" vocabularies; true by default. */
  readonly lowercase?: boolean;
}

/** The parts of a `tokenizer.json` that are read here. */
export interface TokenizerJson {
  /** The model with its pieces and their ids; its type must be "WordPiece". */
  readonly model: {
    readonly type?: string;
    readonly vocab: Readonly<Record<string, number>>;
    readonly [key: string]: unknown;
  };
  /** The other parts, which @huggingface/tokenizers reads. */
  readonly [key: string]: unknown;
}

const specialTokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] as const;

/**
 * BERT's WordPiece tokenizer of a vocabulary, whose index is the id: the lines of a `vocab.txt`.
 *
 * Throws a RangeError when the vocabulary lacks one of [PAD], [UNK], [CLS], [SEP] and [MASK], or holds a piece twice.
 *
 * @example
 * ```ts
 * import { wordPiece } from "@delta-dawn/delta-lora";
 *
 * const tokenizer = wordPiece(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "cat", "##s"]);
 * console.assert(tokenizer.encode("A cats").ids.join() === "2,5,6,7,3");
 * ```
 */
export function wordPiece(vocabulary: readonly string[], options: WordPieceOptions = {}): Tokenizer {
  return tokenizerFromJson(wordPieceJson(vocabulary, options));
}

/**
 * The `tokenizer.json` of BERT's WordPiece tokenizer with a vocabulary, as Hugging Face's libraries read it.
 *
 * Throws a RangeError as {@linkcode wordPiece} does.
 */
export function wordPieceJson(vocabulary: readonly string[], options: WordPieceOptions = {}): TokenizerJson {
  const { lowercase = true } = options;
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
      handle_chinese_chars: true,
      strip_accents: null,
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

/**
 * The tokenizer of a parsed `tokenizer.json` with a WordPiece model, laid out as BERT's whatever its post-processor.
 *
 * Throws a TypeError when the model is of another type and a RangeError when it lacks a special token of BERT's.
 */
export function tokenizerFromJson(json: TokenizerJson): Tokenizer {
  const { model } = json;
  if (model?.type !== undefined && model.type !== "WordPiece") {
    throw new TypeError(`Cannot make a tokenizer as its model must be WordPiece: ${model.type}`);
  }
  if (model === undefined || typeof model.vocab !== "object" || model.vocab === null) {
    throw new TypeError("Cannot make a tokenizer as its JSON has no vocabulary at model.vocab");
  }
  const added = Array.isArray(json.added_tokens) ? json.added_tokens as { content: string; id: number }[] : [];
  const idOfToken = new Map(Object.entries(model.vocab));
  for (const { content, id } of added) idOfToken.set(content, id);
  checkSpecialTokens(Object.fromEntries(idOfToken));
  const [padId, unknownId, clsId, sepId, maskId] = specialTokens.map((token) => idOfToken.get(token)!);
  let vocabSize = 0;
  for (const id of idOfToken.values()) vocabSize = Math.max(vocabSize, id + 1);
  const inner = new HuggingFaceTokenizer(json, {});
  const prepare = preparation(json.normalizer);
  const pieces = (text: string): number[] => inner.encode(prepare(text), { add_special_tokens: false }).ids;

  const encode = (text: string, text2?: string, options: EncodeOptions = {}): TokenIds => {
    const { maxLength = Infinity } = options;
    const room = maxLength - (text2 === undefined ? 2 : 3);
    if (!(room >= 0)) throw new RangeError(`Cannot encode as the special tokens alone exceed maxLength ${maxLength}`);
    let first = pieces(text);
    if (text2 === undefined) {
      first = first.slice(0, room);
      return { ids: [clsId, ...first, sepId], typeIds: new Array<number>(first.length + 2).fill(0) };
    }
    let second = pieces(text2);
    const [lengthOfFirst, lengthOfSecond] = longestFirst(first.length, second.length, room);
    first = first.slice(0, lengthOfFirst);
    second = second.slice(0, lengthOfSecond);
    const ids = [clsId, ...first, sepId, ...second, sepId];
    return { ids, typeIds: ids.map((_, i) => i < first.length + 2 ? 0 : 1) };
  };
  return { vocabSize, padId, unknownId, clsId, sepId, maskId, encode };
}

/**
 * What @huggingface/tokenizers 0.2.0 does otherwise than the reference in its BertNormalizer: it looks for ideographs
 * among code units, so that those beyond U+FFFF are not set apart, and it puts Σ at a word's end as ς.
 */
function preparation(normalizer: unknown): (text: string) => string {
  const { type, lowercase, handle_chinese_chars: ideographs } = (normalizer ?? {}) as Record<string, unknown>;
  if (type !== "BertNormalizer") return (text) => text;
  return (text) => {
    const spaced = ideographs ? text.replace(/[\u{20000}-\u{2CEAF}\u{2F800}-\u{2FA1F}]/gu, " $& ") : text;
    return lowercase ? spaced.replaceAll("Σ", "σ") : spaced;
  };
}

function checkSpecialTokens(vocab: Readonly<Record<string, number>>): void {
  const missing = specialTokens.filter((token) => !Object.hasOwn(vocab, token));
  if (missing.length > 0) throw new RangeError(`Cannot make a tokenizer as the vocabulary lacks ${missing.join(", ")}`);
}

/** Lengths that are left of two texts when they share a room: Hugging Face's `longest_first`, its odd cases too. */
function longestFirst(first: number, second: number, room: number): [number, number] {
  if (first + second <= room) return [first, second];
  const shorter = Math.min(first, second);
  const half = Math.floor(room / 2);
  const [short, long] = shorter > half ? [half, room - half] : [shorter, room - shorter];
  return first > second ? [long, short] : [short, long];
}
