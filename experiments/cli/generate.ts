// deno task generate --model DIR|NAME [--adapter DIR] --prompt TEXT|--file FILE [flags]
import { COMMON, type FlagTable } from "../terminal/flag_table.ts";
import { sayInFlags } from "../terminal/in_flags.ts";
import { flagHelp, readFlags } from "../terminal/read_flags.ts";
import { runCommand } from "../terminal/run_command.ts";
import { ADAPTER, MODEL, WEIGHTS } from "./flag_table.ts";

/** What is gone on from. */
const PROMPTS = {
  prompt: { takes: "texts", value: "TEXT", help: "what the model goes on from, or reads; may be there several times" },
  file: { takes: "text", value: "FILE", help: "prompts, one a line" },
  chat: {
    takes: "nothing",
    help:
      "prompts are what a user says, in the model's chat template, which the answer follows; a line of --file may " +
      "also be JSON with messages of role and content",
  },
  system: { takes: "text", value: "TEXT", help: "with --chat: the message of the system in front of a prompt" },
  batch: { takes: "integer", value: "N", help: "prompts at a time, 8 by default" },
} as const satisfies FlagTable;

/** When a text ends, and what it may repeat. */
const LIMITS = {
  "max-new-tokens": {
    takes: "integer",
    value: "N",
    help: "most tokens of a text, 256 by default, or fewer where the model has no more positions",
  },
  "min-new-tokens": { takes: "integer", value: "N", least: 0, help: "fewest tokens of a text" },
  "max-length": { takes: "integer", value: "N", help: "most tokens of prompt and text, in place of --max-new-tokens" },
  "min-length": { takes: "integer", value: "N", least: 0, help: "fewest tokens of prompt and text" },
  "repetition-penalty": {
    takes: "positive",
    value: "X",
    help: "above 1, tokens that were there before are less likely",
  },
  "no-repeat-ngrams": { takes: "integer", value: "N", help: "lets no sequence of N tokens appear twice" },
} as const satisfies FlagTable;

/** How tokens are drawn. */
const SAMPLING = {
  sample: { takes: "nothing", help: "draws each token by its probability; so do the flags below" },
  temperature: { takes: "positive", value: "T", help: "below 1, likely tokens become more likely" },
  "top-k": { takes: "integer", value: "K", help: "of the K most likely tokens alone" },
  "top-p": { takes: "positive", value: "P", help: "of the most likely tokens whose probabilities add up to P" },
  "min-p": { takes: "number", value: "P", help: "of tokens at least P times as likely as the most likely one" },
  seed: { takes: "integer", value: "N", least: 0, help: "of what is drawn, 0 by default" },
} as const satisfies FlagTable;

/** How the most likely text is looked for. */
const BEAMS = {
  beams: { takes: "integer", value: "N", help: "searches with N beams" },
  "length-penalty": {
    takes: "text",
    value: "X",
    help: "what lengths are raised to before they divide log probabilities, 1 by default; above 0 longer texts gain",
  },
  "penalty-over": {
    takes: "text",
    value: "generated|sequence",
    choices: ["generated", "sequence"],
    help: "what such a length counts: generated tokens (the default), or prompts, too, without the token that ends a " +
      "text, as transformers did before 4.36",
  },
  "early-stopping": {
    takes: "text",
    value: "true|false|never",
    choices: ["true", "false", "never"],
    help: "when a search ends that has as many texts as beams, false by default",
  },
} as const satisfies FlagTable;

const TEXTS = {
  texts: { takes: "integer", value: "N", help: "how many texts of each prompt: draws, or the best that beams found" },
} as const satisfies FlagTable;

/** Before texts were generated, the command wrote the suite's tasks as deno task suite does. */
const SUITE = {
  out: {
    takes: "text",
    value: "DIR",
    path: "out",
    help: "without --model: writes the suite's tasks, as deno task suite",
  },
  overwrite: { takes: "nothing", help: "writes over files of tasks in --out, which is refused else" },
} as const satisfies FlagTable;

/** Flags of the command. */
export const FLAGS = {
  ...MODEL,
  ...WEIGHTS,
  ...ADAPTER,
  ...PROMPTS,
  ...LIMITS,
  ...SAMPLING,
  ...BEAMS,
  ...TEXTS,
  ...SUITE,
  ...COMMON,
  model: {
    ...MODEL.model,
    value: "DIR|NAME",
    help:
      "a causal model, or an encoder-decoder, in Hugging Face's layout: a folder, or a model of the hub, org/name, " +
      "which is fetched into the cache that Python's libraries use",
  },
  json: {
    takes: "nothing",
    help: "a line of JSON for each prompt: its texts with their tokens, scores and what ended them",
  },
} as const satisfies FlagTable;

/** The flags with their values. */
export type GenerateFlags = ReturnType<typeof readFlags<typeof FLAGS>>;

const { model, revision, offline, weights, adapter } = FLAGS;

/** What `--help` prints. */
export const HELP =
  `Generates texts with a model, an adapter or none: one prompt's text as it comes, several in batches.

  deno task generate --model DIR|NAME [--adapter DIR] --prompt TEXT|--file FILE [flags]

${flagHelp({ model, revision, offline, weights, adapter, ...PROMPTS })}

${flagHelp({ ...LIMITS, ...TEXTS })}
  Drawn tokens, in place of the most likely ones:
${flagHelp(SAMPLING)}
  Beam search:
${flagHelp(BEAMS)}

${flagHelp({ device: COMMON.device, json: FLAGS.json, verbose: COMMON.verbose, help: COMMON.help })}

${flagHelp(SUITE)}`;

/** The name of the first flag that was given, of which none of the command's counts, but for those that are `known`. */
function givenBeside(flags: GenerateFlags, known: FlagTable): string | undefined {
  const isGiven = (value: unknown) =>
    value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0);
  const entries: readonly (readonly [name: string, value: unknown])[] = Object.entries(flags);
  return entries.find(([name, value]) => Object.hasOwn(FLAGS, name) && !Object.hasOwn(known, name) && isGiven(value))
    ?.[0];
}

async function main(): Promise<void> {
  const flags = readFlags(Deno.args, FLAGS);
  if (flags.help) return console.log(HELP);
  if (flags.model === undefined && flags.prompt.length === 0 && flags.file === undefined) {
    const { out, overwrite, seed } = flags;
    if (out === undefined) throw new RangeError("needs --model, and --prompt or --file: see --help");
    const other = givenBeside(flags, { ...SUITE, seed: SAMPLING.seed });
    if (other !== undefined) {
      throw new RangeError(`--${other} is not of the suite's tasks, which --out alone writes: give --model, too`);
    }
    const { writeSuite } = await import("./suite.ts");
    return await writeSuite({ out, overwrite, seed });
  }
  for (const name of ["out", "overwrite"] as const) {
    if (flags[name]) throw new RangeError(`--${name} is of the suite's tasks, without --model: texts are printed`);
  }
  const { generateTexts } = await import("./generate_texts.ts"); // all that computes, which help goes without
  await generateTexts(flags);
}

if (import.meta.main) await runCommand("generate", main, { say: sayInFlags(FLAGS) });
