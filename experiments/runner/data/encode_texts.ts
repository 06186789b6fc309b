import { data } from "../../../mod.ts";
import type { Tokenizer } from "../../../lib/data/mod.ts";
import type { RunSpec } from "../../../lib/experiment/specs/mod.ts";
import { plural } from "../../../lib/text/plural.ts";
import { quoted } from "../../../lib/text/quoted.ts";
import type { TextWriter } from "../model/text_writer.ts";
import { sidesOf, type TextExample, type TextTask, writtenSplit } from "./text_task.ts";
import type { TextKind } from "./text_names.ts";

/** Texts as token ids: for a causal model, or for an encoder and a decoder. */
export type EncodedSides = data.EncodedTexts | data.EncodedPairs;

/** What texts are written about, as token ids, and what is right for each. */
export interface WrittenSources {
  readonly prompts: readonly (readonly number[])[];
  readonly groups: readonly data.ReferenceGroup[];
  /** The text of what a model wrote. */
  readonly decode: (tokens: readonly number[]) => string;
}

/** A task of texts as token ids. */
export interface TextRunTask {
  readonly task: TextTask & { readonly kind: TextKind };
  readonly train: EncodedSides;
  /** To what batches of it are padded. */
  readonly padding: RunSpec["padding"];
  /** Texts whose likelihood is a score: `dev`, or `test` where that alone is there; by the name `dev`. */
  readonly sets: Readonly<Record<string, EncodedSides>>;
  /** What texts are written about that the run is scored by; absent where it writes none. */
  readonly written?: WrittenSources;
}

/** What of a spec decides how texts become token ids. */
export type EncodeTextsRequest = Pick<RunSpec, "padding" | "decoding"> & {
  readonly model: Pick<RunSpec["model"], "length" | "targetLength">;
};

/** What texts are encoded for. */
interface Reader {
  readonly tokenizer: Tokenizer;
  readonly writer: TextWriter;
  readonly template?: data.ChatTemplate;
}

const isPair = (example: TextExample): example is data.TextPair => "source" in example;

/** The token between what is given and what is written, as in the LoRA paper's texts: the one that ends texts. */
function separatorOf({ eosId }: Tokenizer): number[] {
  if (eosId !== undefined) return [eosId];
  throw new RangeError("the tokenizer's files name no eos_token, which stands between source and text, and ends texts");
}

/** Pairs of a task as completions: a space begins each, as in the LoRA paper's texts. */
const asCompletion = ({ source, target }: data.TextPair): data.TextPair => ({ source, target: ` ${target.trim()}` });

function encodeCausal(
  examples: readonly TextExample[],
  { tokenizer, template }: Reader,
  maxLength: number,
): data.EncodedTexts {
  const pairs = examples.filter(isPair);
  if (pairs.length === examples.length) {
    return data.encodeCompletions(pairs.map(asCompletion), tokenizer, { maxLength, separator: separatorOf(tokenizer) });
  }
  const instructions = examples.filter((example): example is data.Instruction => !isPair(example));
  return data.encodeInstructions(instructions, tokenizer, { maxLength, template });
}

function encodeSides(examples: readonly TextExample[], reader: Reader, request: EncodeTextsRequest): EncodedSides {
  const { model: { length, targetLength } } = request;
  const { tokenizer, writer: { kind, forced: { decoderStart } } } = reader;
  if (kind === "language-modelling") return encodeCausal(examples, reader, length);
  if (typeof decoderStart !== "number") {
    throw new RangeError("config.json names no decoder_start_token_id, which a decoder begins texts with");
  }
  return data.encodeSourceTarget(examples.map(sidesOf), tokenizer, {
    startId: decoderStart,
    maxSource: length,
    maxTarget: targetLength,
  });
}

/** What a model reads before it writes about an example. */
function promptOf(example: TextExample, { tokenizer, writer, template }: Reader, length: number): readonly number[] {
  if (writer.kind === "sequence-to-sequence") {
    return tokenizer.encode(sidesOf(example).source, undefined, { maxLength: length }).ids;
  }
  if (isPair(example)) {
    return data.encodePrompts([example.source], tokenizer, { separator: separatorOf(tokenizer) })[0];
  }
  if (!("messages" in example)) return data.encodePrompts([example.prompt], tokenizer)[0];
  if (!template) throw new RangeError(`${example.where} is a chat, and the tokenizer has no chat_template`);
  const text = template.render(example.messages.slice(0, -1), { addGenerationPrompt: true });
  return tokenizer.encode(text, undefined, { addSpecial: false }).ids;
}

/** Throws a RangeError where a prompt and the text to come do not fit into the model's positions. */
function requireRoom(
  prompts: WrittenSources["prompts"],
  groups: readonly data.ReferenceGroup[],
  { writer: { kind, model } }: Reader,
  maxNewTokens: number,
): void {
  const { maxLength } = model.config;
  for (const [i, { length }] of prompts.entries()) {
    const needed = kind === "language-modelling" ? length + maxNewTokens : Math.max(length, maxNewTokens + 1);
    if (needed <= maxLength) continue;
    throw new RangeError(
      `cannot write ${plural(maxNewTokens, "token")} about source ${i}, ${quoted(groups[i].source.slice(0, 60))}, ` +
        `of ${
          plural(length, "token")
        }: the model has positions for ${maxLength}; \`decoding.maxNewTokens\` says how many`,
    );
  }
}

function sourcesOf(task: TextTask, reader: Reader, request: EncodeTextsRequest): WrittenSources | undefined {
  const { decoding, model: { length } } = request;
  const split = writtenSplit(task);
  if (!decoding || split === "none") return undefined;
  const groups = task.splits[split]!.groups.slice(0, decoding.sources);
  const prompts = groups.map(({ prompt }) => promptOf(prompt, reader, length));
  requireRoom(prompts, groups, reader, decoding.maxNewTokens);
  return { prompts, groups, decode: (tokens) => reader.tokenizer.decode(tokens).trim() };
}

/** Whether a task has chats, which a template makes texts of. */
function hasChats({ train, splits }: TextTask): boolean {
  const all = [...train, ...Object.values(splits).flatMap(({ examples }) => examples)];
  return all.some((example) => "messages" in example);
}

/** Throws a RangeError where a task has nothing to learn from. */
export function requireTrain({ train, source }: Pick<TextTask, "train" | "source">): void {
  if (train.length > 0) return;
  throw new RangeError(`cannot learn from ${source} as it has no train split: it can be read and scored alone`);
}

/**
 * A task of texts as token ids of a model.
 *
 * Throws a RangeError where there is nothing to learn from, and what encoding throws, which names the example.
 */
export async function encodeTextTask(
  task: TextTask,
  { tokenizer, writer }: Omit<Reader, "template">,
  request: EncodeTextsRequest,
): Promise<TextRunTask> {
  const { padding } = request;
  requireTrain(task);
  const template = hasChats(task) ? await data.chatTemplate(tokenizer) : undefined;
  const reader = { tokenizer, writer, template };
  const scored = task.splits.dev ?? task.splits.test;
  return {
    task: { ...task, kind: writer.kind },
    train: encodeSides(task.train, reader, request),
    padding,
    sets: scored ? { dev: encodeSides(scored.examples, reader, request) } : {},
    written: sourcesOf(task, reader, request),
  };
}
