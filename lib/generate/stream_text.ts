/** What stands in a text for bytes that are no letter, or not a whole one yet. */
const REPLACEMENT = "\ufffd";

/** Tokens that are decoded together with those that come: the last of them at least, and at most so many. */
const [LEAST_TOKENS, MOST_TOKENS] = [8, 32];

/** What of a text follows one that was given, of which the end may read otherwise now. */
function following(given: string, text: string): string {
  if (text.startsWith(given)) return text.slice(given.length);
  let same = 0;
  while (given[same] === text[same]) same++;
  const [before, now] = [given.slice(same), text.slice(same)];
  // What was given is not taken back: what follows begins behind as much of its end as the text still has there.
  for (let from = 0; from < before.length; from++) {
    const kept = before.slice(from);
    if (now.startsWith(kept)) return now.slice(kept.length);
  }
  return now;
}

/**
 * The text of tokens as it comes: pieces that, one after the other, are what `decode` makes of all of them. A letter of
 * several bytes comes when its last token is there. A decoder may change what was given already, by taking the space out of
 * "do n't" say: that stays as it was given, and what follows it is not lost.
 *
 * @param tokens Token ids as they come.
 * @param decode Makes a text of tokens in a row: it is given the last few, and what comes before them does not matter to it.
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
  let ids: number[] = [];
  // The text of `ids` of which all is given, and that with what may still change.
  let given = "";
  let text = "";
  for await (const token of tokens) {
    ids.push(token);
    text = decode(ids);
    if (text.endsWith(REPLACEMENT)) continue;
    const piece = following(given, text);
    if (piece !== "") yield piece;
    if (ids.length >= MOST_TOKENS) {
      ids = ids.slice(-LEAST_TOKENS);
      text = decode(ids);
    }
    given = text;
  }
  const rest = following(given, text);
  if (rest !== "") yield rest;
}
