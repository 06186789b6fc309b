import { regExpOfOniguruma } from "./oniguruma.ts";
import type { Part } from "./part.ts";
import { type FindStretches, stretchesByPattern } from "./split_text.ts";
import { quoted } from "../../text/quoted.ts";

/**
 * The stretches of a text by a part's `pattern`: text under `String`, a regular expression under `Regex`. Throws a
 * TypeError where it is neither.
 */
export function stretchesOfPattern({ type, pattern }: Part): FindStretches {
  const given = typeof pattern === "object" && pattern !== null ? Object.entries(pattern) : [];
  const [[kind, content]] = given.length === 1 ? given : [["", undefined]];
  if (typeof content !== "string" || kind !== "String" && kind !== "Regex") {
    throw new TypeError(`${type} has no pattern: ${quoted(pattern)}`);
  }
  return stretchesByPattern(kind === "Regex" ? regExpOfOniguruma(content) : new RegExp(RegExp.escape(content), "gu"));
}
