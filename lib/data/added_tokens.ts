/** A token that is found in the text itself, before words are cut. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Only where no letter or digit touches it. */
  readonly single_word?: boolean;
  /** Takes the white space before it. */
  readonly lstrip?: boolean;
  /** Takes the white space behind it. */
  readonly rstrip?: boolean;
  /** Looked for in the normalised text, by its normalised content. */
  readonly normalized?: boolean;
  readonly special?: boolean;
}

/** A stretch of text, or the added token that stood there. */
export type Stretch = string | AddedToken;

/** Cuts a text at added tokens: from the left, the longest first. */
export function splitAtTokens(tokens: ReadonlyMap<string, AddedToken>): (text: string) => Stretch[] {
  const contents = [...tokens.keys()].filter((content) => content !== "").sort((a, b) => b.length - a.length);
  if (contents.length === 0) return (text) => text === "" ? [] : [text];
  const pattern = new RegExp(contents.map((content) => RegExp.escape(content)).join("|"), "gu");
  return (text) => {
    const found: Stretch[] = [];
    let position = 0;
    for (const { 0: content, index } of text.matchAll(pattern)) {
      const token = tokens.get(content)!;
      let [start, end] = [index, index + content.length];
      if (token.single_word && (endsInWord(text.slice(0, start)) || beginsWithWord(text.slice(end)))) continue;
      if (token.lstrip) start = text.slice(0, start).replace(/\p{White_Space}+$/u, "").length;
      if (token.rstrip) end = text.length - text.slice(end).replace(/^\p{White_Space}+/u, "").length;
      if (start > position) found.push(text.slice(position, start));
      found.push(token);
      position = Math.max(position, end);
    }
    if (position < text.length) found.push(text.slice(position));
    return found;
  };
}

const endsInWord = (text: string) => /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u.test(text);
const beginsWithWord = (text: string) => /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u.test(text);
