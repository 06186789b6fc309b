import { canonicalJson, sha256 } from "../../../lib/experiment/specs/mod.ts";
import { type EncoderSize, SUITE_ENCODERS } from "../../suite/encoders.ts";
import { suiteLanguage, suiteVocabulary } from "../../suite/mod.ts";
import { PassageBatches } from "./passage_batches.ts";

/** What of a pre-training is chosen. */
export interface PretrainingSettings {
  readonly size: EncoderSize;
  /** Optimizer steps. */
  readonly steps: number;
  /** Of language, weights and masks. */
  readonly seed: number;
}

/** What decides a pre-training: what of it is chosen, and what it is made of whatever is chosen. */
export interface DecisiveSettings extends PretrainingSettings {
  /** Passages of a batch. */
  readonly batch: number;
  /** The highest rate of the schedule. */
  readonly learningRate: number;
}

/** Passages that tell one language from another. */
const SAMPLE = 1024;

/** Batches that tell one way of hiding tokens, and of laying passages out, from another. */
const BATCHES = 4;

/** Sha-256 of the first batches as steps get them. */
async function hashOfBatches({ seed, batch }: DecisiveSettings): Promise<string> {
  const batches = new PassageBatches(seed, batch);
  const parts: (readonly [name: string, shape: readonly number[], data: readonly number[]])[] = [];
  for (let index = 0; index < BATCHES; index++) {
    for (const [name, tensor] of Object.entries(batches.at(index))) {
      parts.push([name, tensor.shape, Array.from(await tensor.data(), Number)]);
    }
  }
  return await sha256(JSON.stringify(parts));
}

/** What decides an encoder's weights, by name. */
export async function decisiveOf(settings: DecisiveSettings): Promise<Readonly<Record<string, string>>> {
  const language = suiteLanguage(settings.seed);
  const sample = Array.from({ length: SAMPLE }, () => language.next().value);
  const { size, ...numbers } = settings;
  return {
    size,
    ...Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, String(value)])),
    encoder: canonicalJson(SUITE_ENCODERS[size].sizes),
    language: await sha256(JSON.stringify([suiteVocabulary(), sample])),
    batches: await hashOfBatches(settings),
  };
}
