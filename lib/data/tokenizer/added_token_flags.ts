import type { AddedToken } from "./added_tokens.ts";
import { quoted } from "../../text/quoted.ts";

/** The flags of an added token, all false where they are missing but for `normalized`, which is what `special` is not. */
export function flagsOf(where: string, flags: Readonly<Record<string, unknown>>): Omit<AddedToken, "content"> {
  const flag = (name: string, usual: boolean): boolean => {
    const value = flags[name] ?? usual;
    if (typeof value !== "boolean") {
      throw new TypeError(`${where} has neither true nor false at ${name}: ${quoted(value)}`);
    }
    return value;
  };
  const special = flag("special", false);
  return {
    single_word: flag("single_word", false),
    lstrip: flag("lstrip", false),
    rstrip: flag("rstrip", false),
    normalized: flag("normalized", !special),
    special,
  };
}
