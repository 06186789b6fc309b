import { describe, it } from "@std/testing/bdd";
import { expect } from "expect";
import {
  type ChatMessage,
  chatTemplate,
  encodeInstructions,
  readInstructions,
  tokenizerFromFiles,
  tokenizerFromJson,
  trainByteLevel,
} from "../../lib/data/mod.ts";
import { readTokenizer } from "../../lib/hub/mod.ts";

interface Case {
  template: string;
  messages: ChatMessage[];
  addGenerationPrompt: boolean;
  variables: Record<string, string>;
  text?: string;
  error?: string;
}

interface Fixture {
  templates: Record<string, string>;
  tokens: Record<string, string>;
  cases: Case[];
  absent: { template: string; text: string };
}

// Made by `python tests/fixtures/chat_templates.py`.
const fixture: Fixture = JSON.parse(
  await Deno.readTextFile(new URL("../fixtures/chat_templates.json", import.meta.url)),
);
const CHAT_TOKENS = ["<|im_start|>", "<|im_end|>", "<s>", "</s>"];
const json = trainByteLevel([], { vocabSize: 300, specialTokens: CHAT_TOKENS });
const tokenizerWith = (template?: string) =>
  tokenizerFromJson(json, { ...fixture.tokens, ...template !== undefined && { chat_template: template } });
const say = (...pairs: [role: string, content: string][]): ChatMessage[] =>
  pairs.map(([role, content]) => ({ role, content }));

describe("chatTemplate()", () => {
  it("is held to 32 chats of transformers, some of which are refused", () => {
    expect(fixture.cases.length).toBe(32);
    expect(fixture.cases.filter(({ error }) => error !== undefined).length).toBeGreaterThan(2);
  });

  for (const name of Object.keys(fixture.templates)) {
    it(`writes chats, and refuses them, as transformers' apply_chat_template: ${name}`, async () => {
      for (
        const { messages, addGenerationPrompt, variables, text, error } of fixture.cases.filter(({ template }) =>
          template === name
        )
      ) {
        const template = await chatTemplate(tokenizerWith(fixture.templates[name]), { variables });
        if (text !== undefined) expect(template.render(messages, { addGenerationPrompt })).toBe(text);
        else {
          const refused = () => template.render(messages, { addGenerationPrompt });
          expect(refused).toThrow(SyntaxError);
          expect(refused).toThrow(`Cannot write the chat as its template fails: ${error}`);
        }
      }
    });
  }

  it("takes the day of a chat from its caller, and refuses to make one up", async () => {
    const tokenizer = tokenizerWith("{{ strftime_now('%d %b %Y, %A %%') }}");
    const template = await chatTemplate(tokenizer, { now: new Date(2026, 10, 30) });
    expect(template.render(say(["user", "a"]))).toBe("30 Nov 2026, Monday %");
    const timeless = await chatTemplate(tokenizer);
    expect(() => timeless.render(say(["user", "a"]))).toThrow("it asks for the date: give one as `now`");
    const other = await chatTemplate(tokenizer, { now: new Date(0), template: "{{ strftime_now('%j') }}" });
    expect(() => other.render([])).toThrow('the date in the form "%j" is not supported');
  });

  it("has no tools and no documents, as transformers gives them: defined, and none", async () => {
    const { template, text } = fixture.absent;
    expect((await chatTemplate(tokenizerWith(template))).render(say(["user", "Hi"]))).toBe(text);
    expect(text).toBe("defined none;defined none;");
    const given = await chatTemplate(tokenizerWith("{{ tools[0] }}"), { variables: { tools: ["a"] } });
    expect(given.render([])).toBe("a");
  });

  it("has Python's ranges", async () => {
    const source = "{% for i in range(3) %}{{ i }}{% endfor %} {% for i in range(5, 0, -2) %}{{ i }}{% endfor %}";
    expect((await chatTemplate(tokenizerWith(source))).render([])).toBe("012 531");
  });

  it("refuses a tokenizer without one, and what is no Jinja", async () => {
    await expect(chatTemplate(tokenizerWith())).rejects.toThrow("the tokenizer's files have no chat_template");
    await expect(chatTemplate(tokenizerWith("{% for x %}"))).rejects.toThrow(
      "Cannot read the chat template as it is no Jinja",
    );
  });

  it("is found in a folder: in tokenizer_config.json, by the name default, or in a file of its own", async () => {
    const bytes = (value: unknown) =>
      new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
    const of = (config: unknown, own?: string) =>
      tokenizerFromFiles({
        "tokenizer.json": bytes(json),
        "tokenizer_config.json": bytes(config),
        ...own !== undefined && { "chat_template.jinja": bytes(own) },
      }).chatTemplate;
    const named = [{ name: "tool_use", template: "a" }, { name: "default", template: "b" }];
    expect([of({}), of({ chat_template: "x" }), of({ chat_template: named })]).toEqual([undefined, "x", "b"]);
    expect([of({ chat_template: named.slice(0, 1) }), of({ chat_template: "x" }, "own")]).toEqual([undefined, "own"]);
    expect(() => of({ chat_template: 3 })).toThrow("cannot read tokenizer_config.json: chat_template is no text");
    const folder = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${folder}/tokenizer.json`, JSON.stringify(json));
      await Deno.writeTextFile(`${folder}/chat_template.jinja`, "{{ 1 }}");
      expect((await readTokenizer(folder))?.chatTemplate).toBe("{{ 1 }}");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
});

describe("readInstructions()", () => {
  async function read(text: string) {
    const file = await Deno.makeTempFile({ suffix: ".jsonl" });
    try {
      await Deno.writeTextFile(file, text);
      const found = await readInstructions(file).catch((error: Error) => error.message.replaceAll(file, "x.jsonl"));
      return typeof found === "string"
        ? found
        : found.map((one) => ({ ...one, where: one.where.replace(file, "x.jsonl") }));
    } finally {
      await Deno.remove(file);
    }
  }
  const line = (value: unknown) => `${JSON.stringify(value)}\n`;

  it("reads messages, and prompts with completions, in one file", async () => {
    const messages = say(["user", "Hi"], ["assistant", "Yo"]);
    const rows = line({ prompt: "2 + 2 =", completion: " 4", id: 1 }) + line({ messages }) +
      line({ prompt: messages.slice(0, 1), completion: messages.slice(1) });
    expect(await read(`${rows}\n`)).toEqual([
      { where: "x.jsonl:1", prompt: "2 + 2 =", completion: " 4" },
      { where: "x.jsonl:2", messages },
      { where: "x.jsonl:3", messages },
    ]);
  });

  const good = line({ prompt: "a", completion: "b" });
  const chat = (...messages: unknown[]) => line({ messages });
  const user = { role: "user", content: "a" };
  const bad: [reason: string, row: string, message: string][] = [
    ["what is no JSON", '{"prompt": \n', "it is no JSON"],
    ["what is no object", "[1]\n", "it is no object"],
    ["other keys", line({ text: "a" }), "it has neither messages, nor prompt and completion: its keys are text"],
    ["an empty prompt", line({ prompt: " ", completion: "b" }), "its prompt is empty"],
    ["an empty completion", line({ prompt: "a", completion: null }), "its completion is empty"],
    ["a key twice", '{"prompt": "a", "prompt": "b", "completion": "c"}\n', 'its key "prompt" stands there twice'],
    ["no messages", chat(), "its messages are no list of some: []"],
    ["a message without a role", chat({ content: "a" }), "message 0 has no texts as role and content"],
    ["an answer to nothing", chat({ role: "assistant", content: "a" }), "its prompt is empty"],
    ["a chat without an answer", chat(user, user), 'its last message is of "user", and must be the assistant\'s'],
    ["an empty answer", chat(user, { role: "assistant", content: "" }), "its completion is empty"],
  ];
  for (const [reason, row, message] of bad) {
    it(`refuses ${reason} with file and line`, async () => {
      expect(await read(good + row + good)).toContain(`Cannot read x.jsonl:2 as ${message}`);
    });
  }

  it("refuses a file without rows", async () =>
    expect(await read(" \n")).toBe("Cannot read x.jsonl as it has no rows"));
});

const tokenizer = tokenizerWith(fixture.templates.chatml);
const template = await chatTemplate(tokenizer);

describe("encodeInstructions()", () => {
  const messages = say(["system", "S"], ["user", "one"], ["assistant", "two"], ["user", "3"], ["assistant", "four"]);
  const chats = [{ where: "x.jsonl:1", messages }];
  const learned = ({ examples: [{ labels }] }: ReturnType<typeof encodeInstructions>) =>
    tokenizer.decode(labels.filter((label) => label !== -100), { skipSpecial: false });

  it("learns what the template writes of the last answer, or of all", () => {
    const encoded = encodeInstructions(chats, tokenizer, { template });
    expect(tokenizer.decode(encoded.examples[0].ids, { skipSpecial: false })).toBe(template.render(messages));
    expect(learned(encoded)).toBe("four<|im_end|>\n");
    expect(learned(encodeInstructions(chats, tokenizer, { template, answers: "all" }))).toBe(
      "two<|im_end|>\nfour<|im_end|>\n",
    );
  });

  it("learns completions with the end of texts, chats beside them", () => {
    const both = [{ where: "x.jsonl:1", prompt: "ab", completion: "c" }, { where: "x.jsonl:2", messages }];
    const { examples } = encodeInstructions(both, tokenizer, { template });
    const [a, b, c] = tokenizer.encode("abc").ids;
    const end = CHAT_TOKENS.indexOf("</s>");
    expect(examples[0]).toEqual({ ids: [a, b, c, end], labels: [-100, c, end, -100] });
    expect(examples.length).toBe(2);
  });

  it("says where a chat stands whose template fails, is missing, or takes back what it wrote", async () => {
    const encode = async (source: string, chat: ChatMessage[]) => {
      const template = await chatTemplate(tokenizerWith(source));
      return () => encodeInstructions([{ where: "x.jsonl:7", messages: chat }], tokenizer, { template });
    };
    expect(await encode(fixture.templates.alternating, messages)).toThrow(
      "Cannot read x.jsonl:7 as Cannot write the chat as its template fails: Conversation roles must alternate",
    );
    expect(await encode("{{ messages | length }}{{ messages[0].content }}", messages)).toThrow(
      "Cannot read x.jsonl:7 as its template writes a chat's beginning in another way once it goes on",
    );
    expect(() => encodeInstructions(chats, tokenizer)).toThrow("Cannot read x.jsonl:1 as a chat needs a template");
  });
});
