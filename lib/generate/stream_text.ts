/** What stands in a text for bytes that are no letter, or not a whole one yet. */
const REPLACEMENT = "\ufffd";

/**
 * The text of tokens as it comes: pieces that, one after the other, are what `decode` makes of all of them. A letter of
 * several bytes comes when its last token is there.
 *
 * @param tokens Token ids as they come.
 * @param decode Makes a text of all tokens so far.
 *
 * @example
 * ```ts
 * import * as dd from "@delta-dawn/delta-lora";
 *
 * const words = ["Hello", ", ", "world"];
 * const decode = (ids: readonly number[]) => ids.map((id) => words[id]).join("");
 * const pieces = await Array.fromAsync(dd.generate.streamText([0, 1, 2], decode));
 * console.log(pieces); // ["Hello", ", ", "world"]
 * ```
 */
export async function* streamText(
  tokens: AsyncIterable<number> | Iterable<number>,
  decode: (ids: readonly number[]) => string,
): AsyncGenerator<string, void, void> {
  const ids: number[] = [];
  let given = "";
  let text = "";
  for await (const token of tokens) {
    ids.push(token);
    text = decode(ids);
    // What a decoder may still change is held back.
    if (text.endsWith(REPLACEMENT) || !text.startsWith(given) || text.length === given.length) continue;
    yield text.slice(given.length);
    given = text;
  }
  if (text.startsWith(given) && text.length > given.length) yield text.slice(given.length);
}
