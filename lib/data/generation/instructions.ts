import { textOf } from "../table/cells.ts";
import { decodeText } from "../table/decode_text.ts";
import { jsonObjects } from "../table/json_lines.ts";
import { readBytes } from "../table/read_bytes.ts";
import { isObject } from "../../text/is_object.ts";
import { messageOf } from "../../text/message_of.ts";
import { quoted } from "../../text/quoted.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { ChatMessage, ChatTemplate } from "./chat_template.ts";
import { failAt } from "./e2e.ts";
import {
  completionMaker,
  type EncodedTexts,
  encodeParts,
  type EncodeTextsOptions,
  type TextPart,
} from "./encoded_texts.ts";

/** An example to follow instructions by: a prompt with its completion, or a chat. */
export type Instruction =
  & {
    /** Where it stands, as messages name it: `train.jsonl:3`. */
    readonly where: string;
  }
  & ({ readonly prompt: string; readonly completion: string } | { readonly messages: readonly ChatMessage[] });

/**
 * The messages of a chat that goes on, of a line of JSON `{"messages": [{"role": "user", "content": "Hi"}]}`; `undefined`
 * where the line is no JSON object with messages, but a text as people write it.
 *
 * Throws a SyntaxError where a message has no texts as role and content, or there is none.
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * console.log(data.chatMessages('{"messages": [{"role": "user", "content": "Hi"}]}')); // [{ role: "user", content: "Hi" }]
 * console.log(data.chatMessages("Hi")); // undefined
 * ```
 */
export function chatMessages(line: string): readonly ChatMessage[] | undefined {
  if (!line.trimStart().startsWith("{")) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined; // a text that begins with a brace
  }
  return isObject(value) && Object.hasOwn(value, "messages") ? listedMessages(value.messages, "a chat") : undefined;
}

/** Messages of a list. Throws a SyntaxError where there is none, or one has no role or content. */
function listedMessages(list: unknown, where: string): ChatMessage[] {
  if (!Array.isArray(list) || list.length === 0) {
    return failAt(where, `its messages are no list of some: ${quoted(list)}`);
  }
  return list.map((message: unknown, i): ChatMessage => {
    if (isObject(message) && typeof message.role === "string" && typeof message.content === "string") {
      return { ...message, role: message.role, content: message.content };
    }
    return failAt(where, `message ${i} has no texts as role and content: ${quoted(message)}`);
  });
}

/** The messages of a line's list. Throws a SyntaxError where one has no role or content, or the last is no answer. */
function messagesOf(list: unknown, where: string): ChatMessage[] {
  const messages = listedMessages(list, where);
  const last = messages[messages.length - 1];
  if (messages.length < 2) failAt(where, "its prompt is empty: there is one message alone");
  if (last.role !== "assistant") {
    failAt(where, `its last message is of ${quoted(last.role)}, and must be the assistant's`);
  }
  if (last.content.trim() === "") failAt(where, "its completion is empty");
  return messages;
}

function instructionOf(object: Readonly<Record<string, unknown>>, where: string): Instruction {
  if (Object.hasOwn(object, "messages")) return { where, messages: messagesOf(object.messages, where) };
  if (!Object.hasOwn(object, "prompt") || !Object.hasOwn(object, "completion")) {
    const keys = Object.keys(object).join(", ") || "none";
    return failAt(where, `it has neither messages, nor prompt and completion: its keys are ${keys}`);
  }
  // Lists of messages, as some have them, are one chat.
  if (Array.isArray(object.prompt) && Array.isArray(object.completion)) {
    return { where, messages: messagesOf([...object.prompt, ...object.completion], where) };
  }
  const [prompt, completion] = (["prompt", "completion"] as const).map((key) =>
    textOf(object[key]) ?? failAt(where, `its ${key} is empty`)
  );
  return { where, prompt, completion };
}

/**
 * Reads instructions as people keep them: JSON lines with `messages` of `role` and `content`, whose last is the
 * assistant's, or with `prompt` and `completion`, plain or gzipped.
 *
 * Throws an Error where the file is missing or not whole, and a SyntaxError that says file and line where one is no JSON,
 * has neither form, or where prompt or completion is empty.
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * const file = await Deno.makeTempFile({ suffix: ".jsonl" });
 * await Deno.writeTextFile(file, '{"prompt": "2 + 2 =", "completion": " 4"}\n');
 * const [first] = await data.readInstructions(file);
 * console.log("prompt" in first && first.prompt); // 2 + 2 =
 * await Deno.remove(file);
 * ```
 */
export async function readInstructions(file: string): Promise<Instruction[]> {
  const text = decodeText(await readBytes(file), file);
  if (text.trim() === "") throw new SyntaxError(`Cannot read ${file} as it has no rows`);
  const keys = ["messages", "prompt", "completion"];
  const place = (line: number) => `${file}:${line}`;
  return Array.from(jsonObjects(text, { keys, place }), ({ at, object }) => instructionOf(object, place(at)));
}

/** Options of {@linkcode encodeInstructions}. */
export interface EncodeInstructionsOptions extends EncodeTextsOptions {
  /** Makes a text of a chat; needed where there are any. */
  readonly template?: ChatTemplate;
  /** Which answers of a chat are learned: the `last` alone, by default, or `all` of the assistant's. */
  readonly answers?: "last" | "all";
  /** Tokens behind a completion that is no chat; the tokenizer's end by default. */
  readonly end?: readonly number[];
}

/**
 * The parts of a chat: what the template writes of each answer that is learned, and all before it. Throws a SyntaxError
 * where the template writes the beginning of a chat in another way once it goes on.
 */
function chatParts(
  messages: readonly ChatMessage[],
  { template, answers = "last" }: EncodeInstructionsOptions,
  tokenizer: Tokenizer,
): TextPart[] {
  if (!template) throw new TypeError("a chat needs a template: give chatTemplate(tokenizer) as `template`");
  const last = messages.length - 1;
  // What stands first answers nothing.
  const learned = messages.flatMap(({ role }, i) =>
    role === "assistant" && i > 0 && (answers === "all" || i === last) ? [i] : []
  );
  const parts: TextPart[] = [];
  let done = "";
  const add = (text: string, isLearned: boolean) => {
    if (!text.startsWith(done)) {
      throw new SyntaxError(
        `its template writes a chat's beginning in another way once it goes on: ${
          quoted(done.slice(-40))
        } is no more there`,
      );
    }
    parts.push({ ids: tokenizer.encode(text.slice(done.length), undefined, { addSpecial: false }).ids, isLearned });
    done = text;
  };
  for (const i of learned) {
    const before = messages.slice(0, i);
    add(template.render(before, { addGenerationPrompt: true }), false);
    add(template.render(messages.slice(0, i + 1)), true);
  }
  return parts;
}

/**
 * Instructions as token ids, of which completions alone are learned: of a chat, what its template writes of the
 * assistant's last answer, or of all. A prompt and its completion are tokenised by themselves, as in
 * {@linkcode encodeCompletions}; a chat has the special tokens of its template, and no others.
 *
 * Throws a SyntaxError that says where the instruction stands and why its template fails, and a RangeError where a prompt
 * has no token, a text is too long where `truncation` is `error`, or the tokenizer names no end for completions.
 *
 * @example
 * ```ts
 * import { data } from "@delta-dawn/delta-lora";
 *
 * const tokenizer = data.tokenizerFromJson(data.trainByteLevel([]), {
 *   chat_template: "{% for m in messages %}{{ m.role[0] }}:{{ m.content }};{% endfor %}{% if add_generation_prompt %}a:{% endif %}",
 * });
 * const messages = [{ role: "user", content: "Hi" }, { role: "assistant", content: "Yo" }];
 * const { examples: [text] } = data.encodeInstructions([{ where: "chats.jsonl:1", messages }], tokenizer, {
 *   template: await data.chatTemplate(tokenizer),
 * });
 * console.log(tokenizer.decode(text.ids)); // u:Hi;a:Yo;
 * console.log(tokenizer.decode(text.labels.filter((label) => label !== -100))); // Yo;
 * ```
 */
export function encodeInstructions(
  instructions: Iterable<Instruction>,
  tokenizer: Tokenizer,
  options: EncodeInstructionsOptions = {},
): EncodedTexts {
  // Chats need nothing that ends a completion.
  let completionParts: ReturnType<typeof completionMaker> | undefined;
  const parts = Array.from(instructions, (instruction): TextPart[] => {
    if (!("messages" in instruction)) {
      completionParts ??= completionMaker(tokenizer, { end: options.end });
      return completionParts({ source: instruction.prompt, target: instruction.completion });
    }
    try {
      return chatParts(instruction.messages, options, tokenizer);
    } catch (cause) {
      return failAt(instruction.where, messageOf(cause), cause);
    }
  });
  return encodeParts(parts, tokenizer.padId, options);
}
