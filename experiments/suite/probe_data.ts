import * as v from "valibot";
import type { data } from "../../mod.ts";
import { messageOf } from "../../lib/text/message_of.ts";
import { pretrainCommand } from "./encoders.ts";
import { ANSWERS, maskedTexts, type ProbeName, rankOf, recallPairs } from "./probes.ts";

const ReadoutSchema = v.object({
  bias: v.array(v.number()),
  /** The teacher's answers to the texts of `dev` and then of `train`, a hexadecimal digit each. */
  answers: v.optional(v.string()),
});
const FileSchema = v.object({ encoder: v.string(), probes: v.record(v.string(), ReadoutSchema) });

/** What is read off an encoder in each probe: of which encoder, the frozen biases, and what teachers answer. */
export type Readouts = v.InferOutput<typeof FileSchema>;

/** Where the readouts of an encoder's file stand. */
export const readoutsOf = (encoder: URL): URL => new URL(`${encoder}.probes.json`);

/** A probe as data, for the encoder that its teacher was made of. */
export interface ProbeData {
  readonly train: readonly data.Example[];
  readonly dev: readonly data.Example[];
  /** Frozen, as all of the head. */
  readonly bias: readonly number[];
  /** Hex sha-256 of the encoder. */
  readonly encoder: string;
}

/** Numbers of answers, a hexadecimal digit each. */
export const formatAnswers = (numbers: readonly number[]): string => numbers.map((n) => n.toString(16)).join("");

/**
 * A probe's examples. Those of `recall` that are scored are those that are trained on: it asks what can be kept.
 *
 * Throws an Error where what teachers answer is missing, or not as many as the texts.
 */
export async function probeData(name: ProbeName, encoder: URL, seed: number): Promise<ProbeData> {
  const url = readoutsOf(encoder);
  const fail = (reason: string): never => {
    const command = pretrainCommand(encoder, { teach: true, overwrite: true });
    throw new Error(`cannot use ${url}: ${reason}; ${command} has teachers answer anew`);
  };
  const text = await Deno.readTextFile(url).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`cannot read ${url}: No such file; ${pretrainCommand(encoder, { teach: true })} makes it`);
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    fail(`it is no JSON: ${messageOf(error)}`);
  }
  const parsed = v.safeParse(FileSchema, json);
  if (!parsed.success) {
    return fail(`it is wrong at ${v.getDotPath(parsed.issues[0]) ?? "its root"}: ${parsed.issues[0].message}`);
  }
  const own = parsed.output.probes[name] ?? fail(`it has no ${name}`);
  const shared = { bias: own.bias, encoder: parsed.output.encoder };
  if (own.bias.length !== ANSWERS.length) fail(`it has ${own.bias.length} biases for ${ANSWERS.length} answers`);
  if (rankOf(name) === undefined) {
    const pairs = recallPairs(seed);
    return { train: pairs, dev: pairs, ...shared };
  }
  const { train, dev } = maskedTexts(seed);
  const answers = Array.from(own.answers ?? "", (digit) => parseInt(digit, 16));
  if (answers.length !== dev.length + train.length) {
    fail(`it has ${answers.length} answers of the teacher ${name} to ${dev.length + train.length} texts`);
  }
  const labelled = (texts: readonly string[], from: number) =>
    texts.map((text, i) => ({ text, label: answers[from + i] }));
  return { dev: labelled(dev, 0), train: labelled(train, dev.length), ...shared };
}
