import { type Part, partsOf } from "./part.ts";
import { quoted } from "../../text/quoted.ts";
import { isCount } from "../../text/is_count.ts";
import { isObject } from "../../text/is_object.ts";

/** A special token, or the place of the first or second text. */
export type LayoutPart =
  | { readonly kind: "token"; readonly id: number; readonly typeId: number }
  | { readonly kind: "text"; readonly index: 0 | 1; readonly typeId: number };

/** Where texts and special tokens stand. */
export interface Layout {
  readonly single: readonly LayoutPart[];
  readonly pair: readonly LayoutPart[];
}

const text = (index: 0 | 1, typeId = 0): LayoutPart => ({ kind: "text", index, typeId });
const token = (id: number, typeId = 0): LayoutPart => ({ kind: "token", id, typeId });

/**
 * What a `tokenizer.json`'s post-processor puts around texts. Throws a TypeError that names a post-processor which is
 * not known here.
 */
export function layoutOf(part: Part | null): Layout {
  if (part === null) return { single: [text(0)], pair: [text(0), text(1, 1)] };
  switch (part.type) {
    case "BertProcessing": {
      const [cls, sep] = [idOf(part, "cls"), idOf(part, "sep")];
      return {
        single: [token(cls), text(0), token(sep)],
        pair: [token(cls), text(0), token(sep), text(1, 1), token(sep, 1)],
      };
    }
    case "RobertaProcessing": {
      const [cls, sep] = [idOf(part, "cls"), idOf(part, "sep")];
      return {
        single: [token(cls), text(0), token(sep)],
        pair: [token(cls), text(0), token(sep), token(sep), text(1), token(sep)],
      };
    }
    case "TemplateProcessing":
      return { single: template(part, "single"), pair: template(part, "pair") };
    case "ByteLevel":
      return layoutOf(null); // it only moves offsets
    case "Sequence": {
      // Those that only move offsets aside, one may remain.
      const processors = partsOf(part, "processors").filter(({ type }) => type !== "ByteLevel");
      if (processors.length > 1) throw new TypeError("post_processor Sequence of several layouts is not supported");
      return layoutOf(processors[0] ?? null);
    }
    default:
      throw new TypeError(`post_processor ${quoted(part.type)} is not supported`);
  }
}

function idOf(part: Part, name: "cls" | "sep"): number {
  const pair = part[name];
  if (!Array.isArray(pair) || !isCount(pair[1])) {
    throw new TypeError(`post_processor ${part.type} has no id at ${name}`);
  }
  return pair[1];
}

function template(part: Part, name: "single" | "pair"): LayoutPart[] {
  const special = isObject(part.special_tokens) ? part.special_tokens : {};
  const pieces = part[name];
  if (!Array.isArray(pieces)) throw new TypeError(`post_processor TemplateProcessing has no list at ${name}`);
  const parts = pieces.flatMap((piece): LayoutPart[] => {
    const { Sequence: sequence, SpecialToken: given } = piece ?? {};
    if (!isCount(sequence?.type_id ?? given?.type_id ?? 0)) {
      throw new TypeError(`post_processor TemplateProcessing has no type for ${quoted(piece)}`);
    }
    if (sequence?.id === "A" || sequence?.id === "B") return [text(sequence.id === "A" ? 0 : 1, sequence.type_id ?? 0)];
    const named = Object.hasOwn(special, given?.id) ? special[given.id] : undefined;
    const ids = isObject(named) ? named.ids : undefined;
    if (!Array.isArray(ids) || !ids.every(isCount)) {
      throw new TypeError(`post_processor TemplateProcessing has no ids for ${quoted(piece)}`);
    }
    return ids.map((id) => token(id, given.type_id ?? 0));
  });
  const texts = parts.flatMap((part) => part.kind === "text" ? [part.index] : []).join();
  if (texts !== (name === "single" ? "0" : "0,1")) {
    throw new TypeError(`post_processor TemplateProcessing needs each text once, in order, in ${name}`);
  }
  return parts;
}
