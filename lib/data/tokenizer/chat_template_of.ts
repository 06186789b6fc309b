import { quoted } from "../../text/quoted.ts";
import { isObject } from "../../text/is_object.ts";

/** The file of its own that newer folders have for a chat template. */
export const CHAT_TEMPLATE_FILE = "chat_template.jinja";

/**
 * The chat template of a `tokenizer_config.json`: a text, or the one that is called `default` among several, where one
 * is. Throws a TypeError where it is neither.
 */
export function chatTemplateOf(
  { chat_template: given }: Readonly<Record<string, unknown>>,
): { readonly chatTemplate?: string } {
  if (given === undefined || given === null) return {};
  if (typeof given === "string") return { chatTemplate: given };
  if (!Array.isArray(given) && !isObject(given)) {
    throw new TypeError(
      `tokenizer_config.json: chat_template is no text, nor several by their names: ${quoted(given)}`,
    );
  }
  const named = Array.isArray(given)
    ? given.filter(isObject).find(({ name }) => name === "default")?.template
    : given.default;
  return typeof named === "string" ? { chatTemplate: named } : {};
}
