import { data, generate, openDevice, random } from "../../mod.ts";
import { messageOf } from "../../lib/text/message_of.ts";
import { plural } from "../../lib/text/plural.ts";
import { findModel } from "../runner/model/load_model.ts";
import { openWriter, type Writer } from "../runner/open_writer.ts";
import { tell } from "../terminal/tell.ts";
import type { GenerateFlags } from "./generate.ts";

const NOT_A_NUMBER = "logits are NaN, so that nothing follows: parameters or adapter may hold NaN";

/** What came of a prompt. */
interface Outcome {
  readonly prompt: string;
  readonly texts?: readonly generate.Generated[];
  readonly fault?: string;
}

/** How tokens are drawn, where a flag says that they are. */
function samplingOf(flags: GenerateFlags): generate.SamplingOptions | undefined {
  const { sample, temperature, "top-k": topK, "top-p": topP, "min-p": minP, seed, texts } = flags;
  if (!sample && [temperature, topK, topP, minP].every((value) => value === undefined)) {
    if (seed !== undefined) throw new RangeError("--seed is of draws: give --sample, too");
    return undefined;
  }
  return { key: random.key(seed ?? 0), temperature, topK, topP, minP, texts };
}

/** How a search ranks its texts, where a flag asks for one. */
function beamsOf(flags: GenerateFlags): generate.BeamSearchOptions | undefined {
  const { beams, "length-penalty": penalty, "penalty-over": penaltyOver, "early-stopping": early, texts } = flags;
  if (beams === undefined) {
    for (const name of ["length-penalty", "penalty-over", "early-stopping"] as const) {
      if (flags[name] !== undefined) throw new RangeError(`--${name} is for a beam search: give --beams, too`);
    }
    return undefined;
  }
  const lengthPenalty = penalty === undefined ? undefined : Number(penalty);
  if (lengthPenalty !== undefined && !Number.isFinite(lengthPenalty)) {
    throw new RangeError(`--length-penalty needs a number, not "${penalty}"`);
  }
  return {
    beams,
    lengthPenalty,
    penaltyOver,
    earlyStopping: early === "never" ? "never" : early === "true",
    best: texts,
  };
}

/** The options that flags and a model's files say. */
function optionsOf(flags: GenerateFlags, { endTokens, forced }: Writer): generate.GenerateOptions {
  const [sampling, beamSearch] = [samplingOf(flags), beamsOf(flags)];
  if (flags.texts !== undefined && flags.texts > 1 && !sampling && !beamSearch) {
    throw new RangeError("--texts are draws, or the best of a search: give --sample or --beams, too");
  }
  const { "max-new-tokens": maxNewTokens, "max-length": maxLength } = flags;
  if (endTokens.length === 0 && maxNewTokens === undefined && maxLength === undefined) {
    throw new RangeError(
      "the model's files name no token that ends a text: say how long texts are by --max-new-tokens",
    );
  }
  return {
    endTokens,
    ...forced,
    maxNewTokens,
    maxLength,
    minNewTokens: flags["min-new-tokens"],
    minLength: flags["min-length"],
    repetitionPenalty: flags["repetition-penalty"],
    noRepeatNGrams: flags["no-repeat-ngrams"],
    sampling,
    beamSearch,
  };
}

async function promptsOf({ prompt, file }: GenerateFlags): Promise<readonly string[]> {
  if (file === undefined) {
    if (prompt.length === 0) throw new RangeError("needs --prompt or --file: what the model goes on from");
    return prompt;
  }
  if (prompt.length > 0) throw new RangeError("--prompt and --file are two places of prompts: leave one of them out");
  const lines = (await Deno.readTextFile(file)).split(/\r?\n/);
  if (lines[lines.length - 1] === "") lines.pop();
  if (lines.length === 0) throw new RangeError(`cannot read prompts of ${file}: it is empty`);
  return lines;
}

/** What makes token ids of prompts: the tokenizer, behind the chat template where flags ask for it. */
async function encoderOf(flags: GenerateFlags, writer: Writer): Promise<Writer["encode"]> {
  const { chat, system } = flags;
  if (!chat) {
    if (system !== undefined) throw new RangeError("--system is of a chat: give --chat, too");
    return writer.encode;
  }
  const { tokenizer } = writer;
  const template = await data.chatTemplate(tokenizer, { now: new Date() });
  const before = system === undefined ? [] : [{ role: "system", content: system }];
  return (prompt) => {
    const messages = data.chatMessages(prompt) ?? [...before, { role: "user", content: prompt }];
    const text = template.render(messages, { addGenerationPrompt: true });
    return tokenizer.encode(text, undefined, { addSpecial: false }).ids;
  };
}

/** Texts of prompts; what is wrong with one of them leaves the others alone. */
async function outcomesOf(
  generator: generate.TokenGenerator,
  writer: Writer,
  prompts: readonly string[],
  firstNumber: number,
): Promise<Outcome[]> {
  try {
    const encoded = prompts.map((prompt) => writer.encode(prompt));
    const texts = await generator.generate(writer.params, encoded, { firstNumber });
    return texts.map((texts, i) => ({ prompt: prompts[i], texts }));
  } catch (error) {
    if (error instanceof generate.GenerationFailed) {
      return error.texts.map((texts, i) => ({ prompt: prompts[i], ...texts ? { texts } : { fault: NOT_A_NUMBER } }));
    }
    // A chat that its template refuses is a SyntaxError.
    if (!(error instanceof RangeError || error instanceof SyntaxError)) throw error;
    if (prompts.length === 1) {
      const fault = messageOf(error).replace(/^generate: prompt 0 |^Cannot encode prompt 0 as /, "");
      return [{ prompt: prompts[0], fault }];
    }
    const each: Outcome[] = [];
    for (const [i, prompt] of prompts.entries()) {
      each.push(...await outcomesOf(generator, writer, [prompt], firstNumber + i));
    }
    return each;
  }
}

function print({ prompt, texts = [], fault }: Outcome, { tokenizer }: Writer, isJson: boolean): void {
  const decoded = texts.map(({ tokens, ...rest }) => ({ text: tokenizer.decode(tokens), ...rest, tokens }));
  if (isJson) console.log(JSON.stringify(fault === undefined ? { prompt, texts: decoded } : { prompt, fault }));
  else for (const { text } of decoded) console.log(`${text}\n`);
}

async function printStream(generator: generate.TokenGenerator, writer: Writer, prompt: string): Promise<void> {
  const encoder = new TextEncoder();
  const tokens = generator.stream(writer.params, writer.encode(prompt));
  for await (const piece of generate.streamText(tokens, (ids) => writer.tokenizer.decode(ids))) {
    await Deno.stdout.write(encoder.encode(piece));
  }
  console.log();
}

/** Generates the texts that flags ask for. */
export async function generateTexts(flags: GenerateFlags): Promise<void> {
  const { model, revision, offline, adapter, weights, device, verbose, json, batch = 8 } = flags;
  const prompts = await promptsOf(flags);
  const opened = await openWriter(await findModel({ model, revision, offline }), { adapter, weights });
  const writer = { ...opened, encode: await encoderOf(flags, opened) };
  const options = optionsOf(flags, writer);
  using _device = await openDevice({ device, report: tell, verbose });
  const generator = generate.makeGenerator(writer.model, options);
  const isOne = prompts.length === 1 && !options.beamSearch && (options.sampling?.texts ?? 1) === 1;
  if (isOne && !json) return await printStream(generator, writer, prompts[0]);
  let faults = 0;
  for (let i = 0; i < prompts.length; i += batch) {
    const outcomes = await outcomesOf(generator, writer, prompts.slice(i, i + batch), i);
    for (const [j, outcome] of outcomes.entries()) {
      print(outcome, writer, json);
      if (outcome.fault === undefined) continue;
      faults++;
      console.error(`prompt ${i + j + 1}: ${outcome.fault}`);
    }
  }
  if (faults > 0) throw new Error(`${plural(faults, "prompt")} of ${prompts.length} got no text`);
}
