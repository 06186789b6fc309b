import { data } from "../../../mod.ts";
import { sha256 } from "../../../lib/io/sha256.ts";
import { plural } from "../../../lib/text/plural.ts";
import { SUITE } from "../../suite/suite_folder.ts";
import { textSuite } from "../../suite/texts/mod.ts";
import { GENERATION_METRICS, INSTRUCTION_METRICS, type MetricsOfTexts } from "./text_metrics.ts";
import { INSTRUCTIONS } from "./text_names.ts";

/** An example: something given, and what is to be written of it. */
export type TextExample = data.TextPair | data.Instruction;

/** Examples that are scored, and what texts are written about, with all that is right for it. */
export interface ScoredTexts {
  readonly examples: readonly TextExample[];
  /** Each source once, as a model gets it. */
  readonly groups: readonly (data.ReferenceGroup & { readonly prompt: TextExample })[];
}

/** A task whose answers are texts. */
export interface TextTask {
  readonly name: string;
  /** Where it comes from, in words. */
  readonly source: string;
  readonly train: readonly TextExample[];
  /** Splits that are there beside: `dev`, `test`. */
  readonly splits: Readonly<Partial<Record<"dev" | "test", ScoredTexts>>>;
  /** How written texts are scored, the main metric first. */
  readonly metrics: MetricsOfTexts;
  /** Hex sha-256 of all examples. */
  readonly hash: string;
}

function scoredSplit({ pairs, groups }: data.GenerationSplit): ScoredTexts {
  return {
    examples: pairs,
    groups: groups.map((group) => ({ ...group, prompt: { source: group.source, target: group.references[0] } })),
  };
}

/** A generation task of some splits. */
export function generationTask(
  { name, splits, hash }: Pick<data.GenerationData, "name" | "splits" | "hash">,
  source: string,
): TextTask {
  const { train, dev, test } = splits;
  if (!train && !dev && !test) throw new RangeError(`${name} has neither train, dev nor test split in ${source}`);
  return {
    name,
    source,
    train: train?.pairs ?? [],
    splits: { ...dev && { dev: scoredSplit(dev) }, ...test && { test: scoredSplit(test) } },
    metrics: GENERATION_METRICS[name],
    hash,
  };
}

const isPair = (example: TextExample): example is data.TextPair => "source" in example;

/** What is given and what is right, as people read them. */
export function sidesOf(example: TextExample): { readonly source: string; readonly target: string } {
  if (isPair(example)) return example;
  if (!("messages" in example)) return { source: example.prompt, target: example.completion };
  const { messages } = example;
  const before = messages.slice(0, -1).map(({ role, content }) => `${role}: ${content}`);
  return { source: before.join("\n"), target: messages[messages.length - 1].content };
}

function scoredInstructions(examples: readonly data.Instruction[]): ScoredTexts {
  return {
    examples,
    groups: examples.map((prompt) => {
      const { source, target } = sidesOf(prompt);
      return { source, references: [target], prompt };
    }),
  };
}

async function instructionTask(file: string, evalFile: string | undefined): Promise<TextTask> {
  const train = await data.readInstructions(file);
  const dev = evalFile === undefined ? undefined : await data.readInstructions(evalFile);
  return {
    name: INSTRUCTIONS,
    source: evalFile === undefined ? file : `${file}, scored on ${evalFile}`,
    train,
    splits: dev ? { dev: scoredInstructions(dev) } : {},
    metrics: INSTRUCTION_METRICS,
    // Where an instruction stands is no part of it.
    hash: await sha256(JSON.stringify([train, dev ?? []], (key, value) => key === "where" ? undefined : value)),
  };
}

/**
 * Reads a task whose answers are texts, from a folder of its files, or instructions from a file.
 *
 * Throws an Error that names the file and line that is wrong.
 */
export async function readTextTask(
  task: string,
  { data: place, evalData }: { readonly data: string; readonly evalData?: string },
): Promise<TextTask> {
  if (task === INSTRUCTIONS) return await instructionTask(place, evalData);
  const name = data.GENERATION_TASKS.find((known) => known === task);
  if (name === undefined) throw new Error(`internal: ${task} is no task of texts`);
  if (place === SUITE) return generationTask(await textSuite(name), `generated texts of the suite (${name})`);
  return generationTask(await data.readGenerationTask(place, name), `${name} in ${place}`);
}

/** The split about whose sources texts are written: `test` where it is there. */
export function writtenSplit({ splits }: Pick<TextTask, "splits">): "test" | "dev" | "none" {
  return splits.test ? "test" : splits.dev ? "dev" : "none";
}

/** What a command makes of a task of texts, in lines for people. */
export function textLines({ source, train, splits }: TextTask): string[] {
  const lines = Object.entries(splits).map(([name, { examples, groups }]) =>
    `${name}: ${plural(examples.length, "text")} about ${plural(groups.length, "source")}`
  );
  return [`data: ${source}`, `train: ${plural(train.length, "text")}`, ...lines];
}
