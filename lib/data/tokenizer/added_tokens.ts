/** A token that is found in the text itself, before words are cut. */
export interface AddedToken {
  readonly content: string;
  /** Only where no letter or digit touches it. */
  readonly single_word: boolean;
  /** Takes the white space before it. */
  readonly lstrip: boolean;
  /** Takes the white space behind it. */
  readonly rstrip: boolean;
  /** Looked for in the normalised text, by its normalised content. */
  readonly normalized: boolean;
  readonly special: boolean;
}

/** A stretch of text, or the id of the added token that stood there. */
export type TextOrId = string | number;

/** What a vocabulary of added tokens needs to know of the model. */
interface Base {
  readonly vocab: ReadonlyMap<string, number>;
  readonly size: number;
}

/** Tokens beside a model's vocabulary, with the ids that Hugging Face's tokenizers give them. */
export class AddedVocabulary {
  readonly #tokens = new Map<number, AddedToken>();
  readonly #ids = new Map<string, number>();
  readonly #special = new Set<string>();

  constructor(readonly model: Base) {}

  /** The id of a token, added or the model's. */
  idOf(content: string): number | undefined {
    return this.#ids.get(content) ?? this.model.vocab.get(content);
  }

  /** An added token; `undefined` of other ids. */
  tokenOf(id: number): AddedToken | undefined {
    return this.#tokens.get(id);
  }

  /** Whether a token is special, such as `[SEP]`. */
  isSpecial(content: string): boolean {
    return this.#special.has(content);
  }

  /** Ids of all added tokens. */
  get ids(): Iterable<number> {
    return this.#tokens.keys();
  }

  /** Texts of all added tokens. */
  get contents(): ReadonlySet<string> {
    return new Set(Array.from(this.#tokens.values(), ({ content }) => content));
  }

  /**
   * Adds tokens: those that the model has keep their ids, others get the next ones, whatever id a file gives them. One
   * that is there already takes the new settings.
   */
  add(tokens: readonly AddedToken[]): void {
    const { size } = this.model;
    let next = size;
    for (const id of this.#tokens.keys()) next = Math.max(next, id + 1);
    for (const token of tokens) {
      if (token.content === "") continue;
      const id = this.idOf(token.content) ?? next++;
      this.#ids.set(token.content, id);
      this.#tokens.set(id, token);
      // Once special, a token remains so.
      if (token.special) this.#special.add(token.content);
    }
  }

  /** Cuts raw text at the tokens that are not normalised; with `cutsSpecial`, special ones are text as any other. */
  rawSplitter(cutsSpecial: boolean): (text: string) => TextOrId[] {
    return this.#splitter(false, (content) => content, cutsSpecial);
  }

  /** Cuts normalised text at the tokens that are normalised. */
  normalizedSplitter(normalize: (text: string) => string, cutsSpecial: boolean): (text: string) => TextOrId[] {
    return this.#splitter(true, normalize, cutsSpecial);
  }

  #splitter(normalized: boolean, looksLike: (content: string) => string, cutsSpecial: boolean) {
    const found = new Map<string, number>();
    for (const [id, token] of this.#tokens) {
      if (token.normalized === normalized) found.set(looksLike(token.content), id);
    }
    const isText = (token: AddedToken) => cutsSpecial && this.#special.has(token.content);
    return splitAt(found, (id) => this.#tokens.get(id)!, isText);
  }
}

/** Cuts a text at added tokens: from the left, the longest first. */
function splitAt(
  found: ReadonlyMap<string, number>,
  tokenOf: (id: number) => AddedToken,
  isText: (token: AddedToken) => boolean,
): (text: string) => TextOrId[] {
  const contents = [...found.keys()].filter((content) => content !== "").sort((a, b) => b.length - a.length);
  if (contents.length === 0) return (text) => text === "" ? [] : [text];
  const pattern = new RegExp(contents.map((content) => RegExp.escape(content)).join("|"), "gu");
  return (text) => {
    const parts: TextOrId[] = [];
    let position = 0;
    for (const { 0: content, index } of text.matchAll(pattern)) {
      const id = found.get(content)!;
      const token = tokenOf(id);
      let [start, end] = [index, index + content.length];
      if (isText(token)) continue;
      if (token.single_word && (endsInWord(text.slice(0, start)) || beginsWithWord(text.slice(end)))) continue;
      if (token.lstrip) start = Math.max(position, text.slice(0, start).replace(/\p{White_Space}+$/u, "").length);
      if (token.rstrip) end = text.length - text.slice(end).replace(/^\p{White_Space}+/u, "").length;
      if (start > position) parts.push(text.slice(position, start));
      parts.push(id);
      position = end;
    }
    if (position < text.length) parts.push(text.slice(position));
    return parts;
  };
}

const endsInWord = (text: string) => /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u.test(text);
const beginsWithWord = (text: string) => /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u.test(text);
