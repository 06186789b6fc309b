import type * as Jinja from "@huggingface/jinja";
import { messageOf } from "../../text/message_of.ts";
import { quoted } from "../../text/quoted.ts";
import { npmModule } from "../table/npm_module.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/** A message of a chat, as people keep it. */
export interface ChatMessage {
  /** Who says it: `system`, `user` or `assistant`, as a rule. */
  readonly role: string;
  /** What is said. Other keys are the template's to read. */
  readonly content: string;
  readonly [key: string]: unknown;
}

/** Makes one text of a chat. */
export interface ChatTemplate {
  /**
   * The text of some messages, special tokens in it; with `addGenerationPrompt` it ends where the answer of the assistant
   * is to begin. Throws a SyntaxError that says why where the template refuses them.
   */
  render(messages: readonly ChatMessage[], options?: { readonly addGenerationPrompt?: boolean }): string;
}

/** Options of {@linkcode chatTemplate}. */
export interface ChatTemplateOptions {
  /** A template in Jinja's language in place of the tokenizer's own. */
  readonly template?: string;
  /** The day that templates may write into a chat (`strftime_now`): what asks for it is refused without. */
  readonly now?: Date;
  /** Other variables that the template may read: `enable_thinking`, say. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

const MONTHS = "January February March April May June July August September October November December".split(" ");
const DAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");

/** A date in C's notation, like Python's `strftime` writes it. Throws a RangeError where a part is not known here. */
function writeDate(date: Date, format: string): string {
  const two = (number: number) => String(number).padStart(2, "0");
  const parts: Readonly<Record<string, string>> = {
    Y: String(date.getFullYear()),
    m: two(date.getMonth() + 1),
    d: two(date.getDate()),
    H: two(date.getHours()),
    M: two(date.getMinutes()),
    S: two(date.getSeconds()),
    B: MONTHS[date.getMonth()],
    b: MONTHS[date.getMonth()].slice(0, 3),
    A: DAYS[date.getDay()],
    a: DAYS[date.getDay()].slice(0, 3),
    "%": "%",
  };
  return format.replace(/%(.)/g, (whole, letter: string) => {
    if (Object.hasOwn(parts, letter)) return parts[letter];
    throw new RangeError(`the date in the form ${quoted(whole)} is not supported`);
  });
}

/** What every template may name. */
const GLOBALS = {
  false: false,
  False: false,
  true: true,
  True: true,
  none: null,
  None: null,
  // As transformers gives them where there are none: defined.
  tools: null,
  documents: null,
  raise_exception(message: unknown): never {
    throw new Error(String(message));
  },
  /** Python's range of one, two or three numbers. */
  range(first: number, second?: number, step = 1): number[] {
    const [start, stop] = second === undefined ? [0, first] : [first, second];
    return Array.from({ length: Math.max(0, Math.ceil((stop - start) / step)) }, (_, i) => start + i * step);
  },
};

/**
 * The chat template of a tokenizer, in Jinja's language, by the library that Hugging Face keeps for such templates. It is
 * loaded when the first template is asked for. The template sees the tokenizer's special tokens under their names,
 * `bos_token` say, as in transformers' `apply_chat_template`.
 *
 * Throws a TypeError where there is no template, and a SyntaxError where it is none of Jinja's.
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * const tokenizer = data.tokenizerFromJson(data.trainByteLevel([]), {
 *   eos_token: "<|endoftext|>",
 *   chat_template: "{% for m in messages %}{{ m.role }}: {{ m.content }}{{ eos_token }}{% endfor %}",
 * });
 * const template = await data.chatTemplate(tokenizer);
 * console.log(template.render([{ role: "user", content: "Hello!" }])); // user: Hello!<|endoftext|>
 * ```
 */
export async function chatTemplate(
  tokenizer: Pick<Tokenizer, "chatTemplate" | "specialTokens">,
  options: ChatTemplateOptions = {},
): Promise<ChatTemplate> {
  const { template = tokenizer.chatTemplate, now, variables } = options;
  if (template === undefined) {
    throw new TypeError("Cannot write a chat as the tokenizer's files have no chat_template: give one as `template`");
  }
  const { Environment, Interpreter, Template } = await npmModule<typeof Jinja>("@huggingface/jinja");
  const fail = (what: string, cause: unknown): never => {
    throw new SyntaxError(`Cannot ${what}: ${messageOf(cause)}`, { cause });
  };
  let parsed: Jinja.Template;
  try {
    parsed = new Template(template);
  } catch (cause) {
    return fail("read the chat template as it is no Jinja", cause);
  }
  const strftime_now = (format: string) => {
    if (now) return writeDate(now, format);
    throw new RangeError("it asks for the date: give one as `now`");
  };
  return {
    render(messages, { addGenerationPrompt = false } = {}) {
      const given = { ...GLOBALS, strftime_now, ...Object.fromEntries(tokenizer.specialTokens), ...variables };
      try {
        // Not by the template's own method, whose strftime_now asks the clock.
        const scope = new Environment();
        const named = Object.entries({ ...given, messages, add_generation_prompt: addGenerationPrompt });
        for (const [name, value] of named) scope.set(name, value);
        return String(new Interpreter(scope).run(parsed.parsed).value);
      } catch (cause) {
        return fail("write the chat as its template fails", cause);
      }
    },
  };
}
