import type { AddedVocabulary } from "./added_tokens.ts";
import { cleanUpSpaces } from "./clean_up.ts";
import { type DecodePieces, decoderOf } from "./decoder.ts";
import type { Part } from "./part.ts";
import type { TokenModel } from "./token_model.ts";
import { messageOf } from "../../text/message_of.ts";

/** Options of decoding. */
export interface DecodeOptions {
  /** Whether special tokens, such as `<s>` and `[SEP]`, are left out; true by default. */
  readonly skipSpecial?: boolean;
  /**
   * Whether white space before punctuation and English endings is taken away; by default where
   * `clean_up_tokenization_spaces` of the configuration says so, but never of byte-pair pieces, whose spaces are the
   * text's own. True cleans these, too.
   */
  readonly cleanUp?: boolean;
}

/** Turns ids back into text. */
export type DecodeIds = (ids: Iterable<number>, options?: DecodeOptions) => string;

/** What {@linkcode idDecoder} is made of. */
export interface IdDecoderParts {
  readonly model: TokenModel;
  readonly added: AddedVocabulary;
  /** The `decoder` of a `tokenizer.json`, or what a class has. */
  readonly decoder: Part | null;
  /** What texts are before they are cut into words. */
  readonly normalize: (text: string) => string;
  /** Whether the configuration asks for clean-up. */
  readonly cleansUp: boolean;
}

/**
 * Makes the way back from ids to text. Nothing is made of the decoder before it is asked for, as models that only read
 * need none: one that is not known here is refused then, by a TypeError.
 */
export function idDecoder({ model, added, decoder, normalize, cleansUp }: IdDecoderParts): DecodeIds {
  let made: { readonly pieceOf: (id: number) => string | undefined; readonly decode: DecodePieces } | undefined;
  const make = () => {
    try {
      const pieces = new Map(Array.from(model.vocab, ([piece, id]) => [id, piece]));
      return { pieceOf: model.pieceOf ?? ((id: number) => pieces.get(id)), decode: decoderOf(decoder) };
    } catch (error) {
      throw new TypeError(`Cannot decode ids as ${messageOf(error)}`, { cause: error });
    }
  };
  // As in the reference, a token that is looked for in normalised text is given back as such.
  const contentOf = (id: number): string | undefined => {
    const token = added.tokenOf(id);
    return token?.normalized ? normalize(token.content) : token?.content;
  };
  return (ids, { skipSpecial = true, cleanUp = cleansUp }: DecodeOptions = {}) => {
    made ??= make();
    const { pieceOf, decode } = made;
    const kept: string[] = [];
    for (const id of ids) {
      const piece = contentOf(id) ?? pieceOf(id);
      if (piece !== undefined && !(skipSpecial && added.isSpecial(piece))) kept.push(piece);
    }
    const text = decode(kept).join("");
    return cleanUp ? cleanUpSpaces(text) : text;
  };
}
